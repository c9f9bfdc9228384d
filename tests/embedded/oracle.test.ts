/** The same functions on the same data give the same results as in `convex-test`, which serves as the oracle. */
import { inspect } from "node:util";
import type { FunctionArgs, FunctionReference, FunctionReturnType } from "convex/server";
import { convexTest } from "convex-test";
import { afterAll, beforeAll, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import schema from "./app/convex/schema.ts";
import { Deployment } from "./harness.ts";
import { anyValue, Random } from "./random.ts";

const modules = import.meta.glob("./app/convex/**/*.*s");
const CHANNELS = ["a", "b", "c"];
const MESSAGES = 120;
const QUESTIONS = 60;

let deployment: Deployment;
const oracle = convexTest(schema, modules);

type Page = FunctionReturnType<typeof api.messages.page>;
type Query = FunctionReference<"query", "public">;

/** Results without what is arbitrary: ids, creation times, and the text of cursors. */
function essence(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(essence);
  if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) return value;
  const arbitrary = new Set(["_id", "_creationTime", "continueCursor", "splitCursor", "pageStatus"]);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !arbitrary.has(key))
      .map(([key, inner]) => [key, essence(inner)]),
  );
}

async function same<F extends Query>(query: F, args: FunctionArgs<F>): Promise<FunctionReturnType<F>> {
  const ours = await deployment.http().query(query, ...([args] as never));
  const theirs = await oracle.query(query, ...([args] as never));
  expect(essence(ours), inspect(args)).toEqual(essence(theirs));
  return ours as FunctionReturnType<F>;
}

beforeAll(async () => {
  deployment = await Deployment.start();
  const random = new Random(1);
  const messages = Array.from({ length: MESSAGES }, (_, i) => ({
    channel: random.pick(CHANNELS),
    seq: random.below(20) - 5,
    body: `m${i}`,
  }));
  await deployment.http().mutation(api.messages.sendMany, { messages });
  await oracle.mutation(api.messages.sendMany, { messages });
  for (let i = 0; i < 150; i++) {
    const value = anyValue(random);
    await deployment.http().mutation(api.values.store, { value });
    await oracle.mutation(api.values.store, { value });
  }
});
afterAll(() => deployment.stop());

it("index ranges, orders and limits", async () => {
  const random = new Random(2);
  for (let i = 0; i < QUESTIONS; i++) {
    const channel = random.pick([...CHANNELS, "none"]);
    await same(api.messages.list, { channel });
    await same(api.messages.latest, { channel, count: random.below(10) });
    const from = random.below(24) - 7;
    await same(api.messages.between, {
      channel,
      from,
      to: from + random.below(8),
      desc: random.below(2) === 1,
    });
  }
});

it("filters", async () => {
  const random = new Random(3);
  for (let i = 0; i < 20; i++)
    await same(api.messages.filtered, { min: random.below(20) - 5, word: random.pick(CHANNELS) });
});

it("the order of all kinds of values, and ranges over them", async () => {
  await same(api.values.ordered, { desc: false });
  await same(api.values.ordered, { desc: true });
  const random = new Random(4);
  for (let i = 0; i < QUESTIONS; i++) await same(api.values.above, { value: anyValue(random) });
});

it("pages", async () => {
  for (const channel of [...CHANNELS, "none"]) {
    for (const numItems of [1, 7, 200]) {
      let ours: string | null = null;
      let theirs: string | null = null;
      for (let pages = 0; ; pages++) {
        expect(pages).toBeLessThan(MESSAGES);
        const page = (cursor: string | null) => ({ channel, paginationOpts: { numItems, cursor } });
        const left: Page = await deployment.http().query(api.messages.page, page(ours));
        const right: Page = await oracle.query(api.messages.page, page(theirs));
        expect(essence(left.page), `${channel} by ${numItems}, page ${pages}`).toEqual(essence(right.page));
        [ours, theirs] = [left.continueCursor, right.continueCursor];
        if (right.isDone) {
          // A deployment finds the end only when it looks for one row more; the oracle knows it with the last row.
          const last = left.isDone ? left : await deployment.http().query(api.messages.page, page(ours));
          expect(last.isDone).toBe(true);
          expect(left.isDone ? [] : last.page).toEqual([]);
          break;
        }
        expect(left.isDone).toBe(false);
      }
    }
  }
});

it("values through arguments and results", async () => {
  const random = new Random(5);
  for (let i = 0; i < QUESTIONS; i++) await same(api.values.echo, { value: anyValue(random) });
});

it("what validators accept and refuse", async () => {
  const candidates: unknown[] = [
    { channel: "v", seq: 1, body: "b" },
    { channel: "v", seq: 1n, body: "b" },
    { channel: "v", seq: 1, body: "b", tags: ["x"] },
    { channel: "v", seq: 1, body: "b", tags: [1] },
    { channel: "v", seq: 1, body: "b", tags: null },
    { channel: "v", seq: 1, body: null },
    { channel: "v", seq: 1 },
    { channel: "v", seq: 1, body: "b", extra: 1 },
    { channel: "v", seq: 1, body: "b", tags: undefined },
    {},
  ];
  for (const args of candidates) {
    const accepted = (promise: Promise<unknown>) =>
      promise.then(
        () => true,
        () => false,
      );
    const ours = await accepted(deployment.http().mutation(api.messages.send, args as never));
    const theirs = await accepted(oracle.mutation(api.messages.send, args as never));
    expect(ours, Object.keys(args as object).join()).toBe(theirs);
    const document = { table: "messages", value: args };
    const stored = await accepted(deployment.http().mutation(api.messages.insertAnything, document as never));
    expect(stored).toBe(await accepted(oracle.mutation(api.messages.insertAnything, document as never)));
  }
});
