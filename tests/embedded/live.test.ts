/** Live queries through the official npm client: updates, order, sharing, pagination, reconnects. */
import { ConvexClient } from "convex/browser";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { api, internal } from "./app/convex/_generated/api.js";
import { Deployment, eventually, Watch, within } from "./harness.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(() => deployment.stop());

type Message = { _id: string; seq: number; body: string };

function watchChannel(client: ConvexClient, channel: string): Watch<Message[]> {
  return new Watch((onValue, onError) => client.onUpdate(api.messages.list, { channel }, onValue, onError));
}

it("shows a mutation to its caller's and to others' subscriptions before the call resolves", async () => {
  const [one, two] = [deployment.client(), deployment.client()];
  const mine = watchChannel(one, "shared");
  const theirs = watchChannel(two, "shared");
  await Promise.all([mine.until((v) => v.length === 0), theirs.until((v) => v.length === 0)]);
  await one.mutation(api.messages.send, { channel: "shared", seq: 1, body: "hello" });
  expect(mine.values.at(-1)?.map((message) => message.body)).toEqual(["hello"]);
  await theirs.until((value) => value.length === 1, "the other client");
});

it("keeps the order of one client's mutations", async () => {
  const client = deployment.client();
  const watch = watchChannel(client, "order");
  const bodies = Array.from({ length: 50 }, (_, i) => `m${i}`);
  await Promise.all(
    bodies.map((body) => client.mutation(api.messages.send, { channel: "order", seq: 0, body })),
  );
  const messages = await watch.until((value) => value.length === 50);
  expect(messages.map((message) => message.body)).toEqual(bodies);
  for (const [i, value] of watch.values.entries()) {
    expect(value.map((message) => message.body)).toEqual(bodies.slice(0, value.length));
    expect(value.length).toBeGreaterThanOrEqual(watch.values[i - 1]?.length ?? 0);
  }
});

it("sends nothing to subscriptions that a mutation doesn't touch", async () => {
  const client = deployment.client();
  const touched = watchChannel(client, "touched");
  const other = watchChannel(client, "untouched");
  await other.until((value) => value.length === 0);
  await client.mutation(api.messages.send, { channel: "touched", seq: 1, body: "b" });
  await touched.until((value) => value.length === 1);
  expect(other.values).toHaveLength(1);
});

it("reports errors of live queries and recovers", async () => {
  const client = deployment.client();
  for (const seq of [1, 2])
    await client.mutation(api.messages.send, { channel: "unique", seq, body: `b${seq}` });
  const watch = new Watch<Message | null>((onValue, onError) =>
    client.onUpdate(api.messages.only, { channel: "unique" }, onValue, onError),
  );
  expect((await watch.error()).message).toContain("unique() query returned more than one result");
  const [first] = await deployment.http().query(api.messages.list, { channel: "unique" });
  if (!first) throw new Error("no message");
  await client.mutation(api.messages.remove, { id: first._id });
  expect((await watch.until((value) => value !== null))?.body).toBe("b2");
});

it("answers a subscription to an unknown or internal function with an error, and others go on", async () => {
  const client = deployment.client();
  const unknown = new Watch<unknown>((onValue, onError) =>
    client.onUpdate(internal.messages.secret as unknown as typeof api.values.whoAmI, {}, onValue, onError),
  );
  expect((await unknown.error()).message).toContain("Could not find public function for 'messages:secret'");
  await watchChannel(client, "after").until((value) => value.length === 0);
});

it("fails a live query that starts to loop, alone, and shows it again when it stops", async () => {
  const client = deployment.client();
  const say = (seq: number, body: string) =>
    client.mutation(api.messages.send, { channel: "loop", seq, body });
  await say(1, "calm");
  const looping = new Watch<string | null>((onValue, onError) =>
    client.onUpdate(api.messages.loopsWhenTold, { channel: "loop" }, onValue, onError),
  );
  const other = watchChannel(deployment.client(), "loop");
  await looping.until((value) => value === "calm");
  await other.until((value) => value.length === 1);
  await say(2, "loop");
  expect((await looping.error()).message).toContain("timed out");
  await other.until((value) => value.length === 2, "the other live query");
  await say(3, "calm again");
  await looping.until((value) => value === "calm again");
});

it("runs actions and gives their errors", async () => {
  const client = deployment.client();
  expect(await client.action(api.nodeActions.sha256, { text: "" })).toMatch(/^e3b0c442/);
  await expect(client.action(api.jobs.fetchText, { url: "http://127.0.0.1:1/" })).rejects.toThrow(
    "fetch failed",
  );
  await expect(client.action(api.nodeActions.sha256, { text: 3 } as never)).rejects.toThrow(
    "ArgumentValidationError",
  );
});

it("keeps a live page's end when rows come in and go", async () => {
  const client = deployment.client();
  const send = (seq: number) =>
    client.mutation(api.messages.send, { channel: "pages", seq, body: `p${seq}` });
  for (let seq = 0; seq < 10; seq++) await send(seq);
  type Page = { page: Message[]; isDone: boolean; continueCursor: string };
  const page = (cursor: string | null) =>
    new Watch<Page>((onValue, onError) =>
      client.onUpdate(
        api.messages.page,
        { channel: "pages", paginationOpts: { numItems: 3, cursor } },
        onValue,
        onError,
      ),
    );
  const first = page(null);
  const start = await first.until((value) => value.page.length === 3);
  expect(start.page.map((message) => message.seq)).toEqual([9, 8, 7]);
  const second = page(start.continueCursor);
  expect((await second.until(() => true)).page.map((message) => message.seq)).toEqual([6, 5, 4]);
  await send(10);
  const grown = await first.until((value) => value.page.length === 4, "the new row on the first page");
  expect(grown.continueCursor).toBe(start.continueCursor);
  expect(second.values.at(-1)?.page.map((message) => message.seq)).toEqual([6, 5, 4]);
});

it("takes more mutations at once than it keeps waiting", async () => {
  const client = deployment.client();
  const count = 1_500;
  await within(
    Promise.all(
      Array.from({ length: count }, (_, seq) =>
        client.mutation(api.messages.send, { channel: "flood", seq, body: "b" }),
      ),
    ),
    "all mutations",
    15_000,
  );
  expect(await deployment.http().query(api.messages.list, { channel: "flood" })).toHaveLength(count);
});

it("carries large results", async () => {
  const client = deployment.client();
  const body = "é".repeat(400_000);
  for (let seq = 0; seq < 8; seq++) await client.mutation(api.messages.send, { channel: "large", seq, body });
  const watch = watchChannel(deployment.client(), "large");
  const messages = await watch.until((value) => value.length === 8, "a transition in parts", 10_000);
  expect(messages.every((message) => message.body === body)).toBe(true);
});

describe("connections", () => {
  /** A socket whose connection a test can cut, as a network would. */
  function cuttable() {
    const sockets: WebSocket[] = [];
    class Cuttable extends WebSocket {
      constructor(url: string) {
        super(url);
        sockets.push(this);
      }
    }
    return { Cuttable, cut: () => sockets.at(-1)?.terminate() };
  }

  it("applies a mutation once whose answer was lost", async () => {
    const { Cuttable, cut } = cuttable();
    const client = new ConvexClient(deployment.url, {
      webSocketConstructor: Cuttable as unknown as typeof globalThis.WebSocket,
      logger: false,
    });
    const watch = watchChannel(client, "once");
    await watch.until((value) => value.length === 0);
    const sending = client.mutation(api.messages.send, { channel: "once", seq: 1, body: "b" });
    // The request is on its way; cut when the deployment has it, before or after the answer was read.
    await eventually(async () => {
      const rows = await deployment.http().query(api.messages.list, { channel: "once" });
      return rows.length > 0 ? rows : null;
    }, "the row");
    cut();
    await within(sending, "the mutation", 10_000);
    expect(await deployment.http().query(api.messages.list, { channel: "once" })).toHaveLength(1);
    await client.close();
  });

  type Message = { type: string; [field: string]: unknown };
  /** Speaks the protocol by hand, to say things that no official client says; ends with the first such message. */
  async function raw(until: string, ...messages: object[]): Promise<Message> {
    const socket = new WebSocket(`${deployment.url.replace("http", "ws")}/api/1.48.0/sync`);
    try {
      await within(new Promise((resolve) => socket.once("open", resolve)), "the socket");
      const found = new Promise<Message>((resolve) => {
        socket.on("message", (data) => {
          const message = JSON.parse(String(data)) as Message;
          if (message.type === until) resolve(message);
        });
      });
      for (const message of messages) socket.send(JSON.stringify(message));
      return await within(found, until);
    } finally {
      socket.terminate();
    }
  }
  const connect = { type: "Connect", sessionId: "00000000-0000-4000-8000-000000000000", connectionCount: 0 };

  it("replays a mutation with the same name without running it again", async () => {
    const args = [{ channel: "replay", seq: 1, body: "b" }];
    const mutation = { type: "Mutation", requestId: 7, udfPath: "messages:send", args };
    const first = await raw("MutationResponse", connect, mutation);
    const second = await raw("MutationResponse", connect, mutation);
    expect(first).toMatchObject({ success: true, logLines: ["[LOG] 'sent' 'replay' 1"] });
    expect(second).toEqual(first);
    expect(await deployment.http().query(api.messages.list, { channel: "replay" })).toHaveLength(1);
  });

  it("ends a connection that breaks the protocol, naming the fault", async () => {
    const fault = async (...messages: object[]) => (await raw("FatalError", ...messages)).error;
    expect(await fault({ type: "Mutation", requestId: 1, udfPath: "a:b", args: [{}] })).toContain("Connect");
    expect(await fault(connect, { type: "Nonsense" })).toContain("Nonsense");
    expect(await fault(connect, { type: "Mutation", requestId: "x", udfPath: "a:b", args: [{}] })).toContain(
      '"requestId"',
    );
    const add = { type: "Add", queryId: 1, udfPath: "messages:list", args: [{ channel: "a" }] };
    expect(
      await fault(connect, { type: "ModifyQuerySet", baseVersion: 3, newVersion: 4, modifications: [add] }),
    ).toContain("BaseVersionMismatch");
    expect(
      await fault(connect, {
        type: "ModifyQuerySet",
        baseVersion: 0,
        newVersion: 1,
        modifications: [add, add],
      }),
    ).toContain("duplicate query id 1");
  });
});
