/** After any sequence of commits, every live query shows what a fresh run shows. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { Deployment, Watch } from "./harness.ts";
import { Random } from "./random.ts";

const CHANNELS = ["a", "b", "c", "d"];
const ROUNDS = 120;
/** Live queries are compared with fresh ones after this many commits. */
const CHECK_EVERY = 20;

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(() => deployment.stop());

it("live queries are never stale", async () => {
  const random = new Random(11);
  const client = deployment.client();
  const http = deployment.http();
  const queries: {
    query: (typeof api.messages)["list"];
    args: Record<string, unknown>;
    watch: Watch<unknown>;
  }[] = [];
  const add = (query: unknown, args: Record<string, unknown>) => {
    const reference = query as (typeof api.messages)["list"];
    const watch = new Watch<unknown>((onValue, onError) =>
      client.onUpdate(reference, args as never, onValue, onError),
    );
    queries.push({ query: reference, args, watch });
  };
  for (const channel of CHANNELS) {
    add(api.messages.list, { channel });
    for (const count of [0, 1, 3]) add(api.messages.latest, { channel, count });
    for (const [from, to] of [
      [-1, 2],
      [3, 6],
      [0, 100],
    ]) {
      add(api.messages.between, { channel, from, to });
      add(api.messages.between, { channel, from, to, desc: true });
    }
    add(api.messages.filtered, { min: 4, word: channel });
  }
  const ids: string[] = [];
  const commit = async () => {
    const kind = random.below(10);
    if (kind < 5 || ids.length < 5) {
      const message = { channel: random.pick(CHANNELS), seq: random.below(8), body: `b${random.below(5)}` };
      ids.push(await client.mutation(api.messages.send, message));
    } else if (kind < 8) {
      const change = random.below(2) === 0 ? { body: `b${random.below(5)}` } : { seq: random.below(8) };
      await client.mutation(api.messages.edit, { id: random.pick(ids) as never, ...change });
    } else {
      const [id] = ids.splice(random.below(ids.length), 1);
      await client.mutation(api.messages.remove, { id: id as never });
    }
    if (random.below(8) === 0 && ids.length > 0) add(api.messages.get, { id: ids.at(-1) });
  };
  for (let round = 1; round <= ROUNDS; round++) {
    await commit();
    if (round % CHECK_EVERY !== 0) continue;
    for (const { query, args, watch } of queries) {
      if (watch.errors.length > 0) throw watch.errors[0];
      const live = await watch.until(() => true, JSON.stringify(args));
      expect(live, `${JSON.stringify(args)} after ${round} commits`).toEqual(
        await http.query(query, args as never),
      );
    }
  }
});
