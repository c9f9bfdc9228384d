/** Text and vector search, through the official clients; plain arithmetic is the oracle. */
import { join } from "node:path";
import { anyApi, type FunctionReference } from "convex/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Deployment, Watch } from "./harness.ts";
import { Random } from "./random.ts";

const APP = join(import.meta.dirname, "searchApp/convex");
const search = anyApi.search as unknown as Record<string, unknown>;
const query = (name: string) => search[name] as FunctionReference<"query">;
const mutation = (name: string) => search[name] as FunctionReference<"mutation">;
const action = (name: string) => search[name] as FunctionReference<"action">;

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start({ functions: APP });
});
afterAll(() => deployment.stop());

const write = (name: string, args: object) => deployment.http().mutation(mutation(name), args);
const find = (args: object) => deployment.http().query(query("find"), args) as Promise<string[]>;
const near = (args: object) =>
  deployment.http().action(action("near"), args) as Promise<{ _id: string; _score: number }[]>;

describe("text", () => {
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    const notes = [
      { body: "The quick brown fox", author: "ann", topic: "animals" },
      { body: "A lazy dog, and another lazy dog", author: "bob", topic: "animals" },
      { body: "Quick! Call the florist", author: "ann" },
      { body: "Übergrößen für Straßenkinder", topic: "words" },
      { author: "nobody wrote a body" },
    ];
    for (const note of notes) ids[note.body ?? ""] = (await write("add", note)) as string;
  });

  it.each([
    ["a word, whatever its case", { text: "QUICK" }, ["Quick! Call the florist", "The quick brown fox"]],
    [
      "the beginning of the last word",
      { text: "brown flo" },
      ["Quick! Call the florist", "The quick brown fox"],
    ],
    ["but of no other word", { text: "flo brown" }, ["The quick brown fox"]],
    ["letters beyond ASCII", { text: "straßen" }, ["Übergrößen für Straßenkinder"]],
    ["a filter", { text: "quick", author: "ann", topic: "animals" }, ["The quick brown fox"]],
    ["a filter on a field inside", { text: "lazy", topic: "animals" }, ["A lazy dog, and another lazy dog"]],
    ["a filter for what is not there", { text: "straßen", author: null }, ["Übergrößen für Straßenkinder"]],
    ["nothing to look for", { text: " .,! " }, []],
    ["text that looks like a query language", { text: '" OR words : * NEAR(' }, []],
  ])("%s", async (_name, args, expected) => {
    expect((await find(args)).sort()).toEqual([...expected].sort());
  });

  it("puts what fits better first, and takes as many as are asked for", async () => {
    await write("add", { body: "dog" });
    await write("add", { body: "a dog among very many other words that have nothing to do with it" });
    const found = await find({ text: "lazy dog" });
    expect(found[0]).toBe("A lazy dog, and another lazy dog");
    expect(await find({ text: "lazy dog", limit: 1 })).toEqual(found.slice(0, 1));
  });

  it("is live: inserted, changed and deleted documents", async () => {
    const client = deployment.client();
    const watch = new Watch<string[]>((value, error) =>
      client.onUpdate(query("find"), { text: "zebra" }, value, error),
    );
    await watch.until((found) => found.length === 0);
    const id = await write("add", { body: "a zebra" });
    await watch.until((found) => found.length === 1);
    await write("edit", { id, body: "two zebras" });
    expect(await watch.until((found) => found[0] === "two zebras")).toEqual(["two zebras"]);
    await write("edit", { id, body: "no striped horse" });
    await watch.until((found) => found.length === 0);
    await write("remove", { id });
  });

  it("sees its own writes, and forgets those that are undone", async () => {
    expect(await write("addAndFind", { body: "okapi", fail: false })).toEqual(["okapi"]);
    await expect(write("addAndFind", { body: "tapir", fail: true })).rejects.toThrow("undone");
    expect(await find({ text: "tapir" })).toEqual([]);
  });

  it("pages through everything once", async () => {
    for (let n = 0; n < 7; n++) await write("add", { body: `paged ${n}` });
    const seen: string[] = [];
    let cursor: string | null = null;
    for (;;) {
      const result = (await deployment.http().query(query("page"), {
        text: "paged",
        paginationOpts: { cursor, numItems: 3 },
      })) as { page: { body: string }[]; isDone: boolean; continueCursor: string };
      seen.push(...result.page.map((row) => row.body));
      if (result.isDone) break;
      cursor = result.continueCursor;
    }
    expect(seen.sort()).toEqual(Array.from({ length: 7 }, (_, n) => `paged ${n}`));
  });

  it("says which field is no filter field", async () => {
    await expect(deployment.http().query(query("wrongFilter"), {})).rejects.toThrow(
      /notes\.by_body filters by "body", which is none of its filterFields \(author, meta\.topic\)/,
    );
  });

  it("finds the same after a restart", async () => {
    const before = await find({ text: "quick dog zebra okapi" });
    const { data } = deployment;
    await deployment.kill();
    deployment = await Deployment.start({ functions: APP, data });
    expect(await find({ text: "quick dog zebra okapi" })).toEqual(before);
  });
});

describe("vectors", () => {
  type Point = { id: string; embedding: number[]; kind: string };
  const points: Point[] = [];
  beforeAll(async () => {
    const random = new Random(7);
    const part = () => random.below(2_000_001) / 1_000_000 - 1;
    for (let n = 0; n < 60; n++) {
      const embedding = [part(), part(), part(), part()];
      const kind = ["red", "green", "blue"][n % 3] as string;
      points.push({ id: (await write("addPoint", { embedding, kind })) as string, embedding, kind });
    }
    await write("addPoint", { kind: "red" });
  });

  const cosine = (a: number[], b: number[]) => {
    const product = (x: number[], y: number[]) => x.reduce((sum, part, i) => sum + part * (y[i] ?? 0), 0);
    return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
  };

  it("finds what arithmetic finds, in the same order, with and without filters", async () => {
    const random = new Random(11);
    const part = () => random.below(2_000_001) / 1_000_000 - 1;
    for (let run = 0; run < 40; run++) {
      const wanted = [part(), part(), part(), part()];
      const allowed = random.pick([undefined, ["red"], ["red", "blue"], ["red", "green", "blue"]]);
      const limit = 1 + random.below(70);
      const found = await near({ vector: wanted, limit, ...(allowed ? { kinds: allowed } : {}) });
      const scores = points
        .filter((point) => !allowed || allowed.includes(point.kind))
        .map((point) => cosine(wanted, point.embedding))
        .sort((x, y) => y - x)
        .slice(0, limit);
      expect(found.length).toBe(scores.length);
      for (const [i, { _id, _score }] of found.entries()) {
        expect(_score).toBeCloseTo(scores[i] ?? 0, 4);
        const point = points.find(({ id }) => id === _id);
        expect(_score).toBeCloseTo(cosine(wanted, point?.embedding ?? []), 4);
      }
    }
  });

  it("gives ten when nothing else is asked for", async () => {
    expect(await near({ vector: [1, 0, 0, 0] })).toHaveLength(10);
  });

  it.each([
    ["a wrong number of dimensions", { vector: [1, 2] }, /needs a vector of 4 numbers.*this one has 2/],
    ["too large a limit", { vector: [1, 0, 0, 0], limit: 257 }, /limit between 1 and 256/],
    ["no vector", { vector: [] }, /non-empty Array/],
  ])("refuses %s", async (_name, args, message) => {
    await expect(near(args)).rejects.toThrow(message);
  });
});
