/**
 * Messages that are nearly right: each begins as a client's own, and then a few of its parts are replaced, removed or
 * cut. Whatever they have become, they are answered as the protocols say, and the process goes on.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { Deployment } from "./harness.ts";
import { Random } from "./random.ts";
import { RawSocket } from "./rawSocket.ts";

const REQUESTS = 400;
const SOCKETS = 60;
const MESSAGES_PER_SOCKET = 6;

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(async () => {
  expect(await deployment.stop()).toBe(0);
});

const RUBBISH: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  2 ** 32,
  1e308,
  "",
  "messages:list",
  "../x",
  "\u0000",
  "x".repeat(5_000),
  [],
  [[]],
  {},
  { $integer: "AA" },
  { $bytes: 1 },
  JSON.parse('{"__proto__": 1, "constructor": 2}'),
];

function spoil(random: Random, value: unknown): unknown {
  if (random.below(6) === 0 || typeof value !== "object" || value === null) return random.pick(RUBBISH);
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  const keys = Object.keys(copy);
  const key = keys.length === 0 ? "more" : random.pick(keys);
  switch (random.below(6)) {
    case 0:
      delete copy[key];
      break;
    case 1:
      copy[`${key}2`] = copy[key];
      break;
    default:
      copy[key] = spoil(random, copy[key]);
  }
  return copy;
}

function text(random: Random, message: unknown): string {
  let spoilt = message;
  for (let i = random.below(3); i > 0; i--) spoilt = spoil(random, spoilt);
  const whole = JSON.stringify(spoilt) ?? "";
  if (random.below(12) > 0) return whole;
  const at = random.below(whole.length + 1);
  return random.below(2) === 0 ? whole.slice(0, at) : whole.slice(0, at) + whole.slice(at + 1);
}

const send = { channel: "fuzz", seq: 1, body: "b", tags: ["t"] };
const page = { channel: "fuzz", paginationOpts: { numItems: 2, cursor: null } };
const REQUEST_BODIES: readonly [string, unknown][] = [
  ["/api/mutation", { path: "messages:send", args: send, format: "json" }],
  [
    "/api/mutation",
    { path: "messages:insertAnything", args: [{ table: "anything", value: { value: [send] } }] },
  ],
  ["/api/query", { path: "messages:page", args: page, format: "convex_encoded_json" }],
  ["/api/query", { path: "messages:latest", args: [{ channel: "fuzz", count: 3 }] }],
  ["/api/action", { path: "nodeActions:sha256", args: { text: "t" } }],
  ["/api/function", { path: "messages:nested", args: { channel: "nested" } }],
  ["/api/query_batch", { queries: [{ path: "messages:list", args: { channel: "fuzz" } }] }],
  ["/api/run/messages/list", { args: { channel: "fuzz" } }],
  ["/api/update_environment_variables", { changes: [{ name: "FUZZ", value: "v" }] }],
];

it("answers every request with a result or with an error that is the sender's", async () => {
  const random = new Random(20_261);
  for (let i = 0; i < REQUESTS; i++) {
    const [path, message] = random.pick(REQUEST_BODIES);
    const body = text(random, message);
    const response = await fetch(deployment.url + path, { method: "POST", body });
    const told = await response.text();
    const what = `${path} ${body.slice(0, 500)} -> ${response.status} ${told.slice(0, 500)}`;
    expect([200, 400, 403], what).toContain(response.status);
    const answer = JSON.parse(told) as Record<string, unknown>;
    if (response.status !== 200) expect(answer, what).toMatchObject({ code: expect.any(String) });
    else if (path !== "/api/query_batch") expect(["success", "error"], what).toContain(answer.status);
    expect(told, what).not.toMatch(/\/embedded\/|node:internal|TypeError: Cannot/);
  }
}, 60_000);

const sessionId = "33333333-3333-4333-8333-333333333333";
const connect = {
  type: "Connect",
  sessionId,
  connectionCount: 0,
  lastCloseReason: "InitialConnect",
  clientTs: 0,
};
const add = { type: "Add", queryId: 0, udfPath: "messages:page", args: [page], journal: null };
const SOCKET_MESSAGES: readonly unknown[] = [
  { type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [add, { ...add, queryId: 1 }] },
  { type: "ModifyQuerySet", baseVersion: 1, newVersion: 2, modifications: [{ type: "Remove", queryId: 0 }] },
  { type: "Mutation", requestId: 0, udfPath: "messages:send", args: [send] },
  { type: "Mutation", requestId: 1, udfPath: "messages:nested", args: [{ channel: "nested" }] },
  { type: "Action", requestId: 2, udfPath: "nodeActions:sha256", args: [{ text: "t" }] },
  { type: "Authenticate", baseVersion: 0, tokenType: "User", value: "a.b.c" },
  { type: "Authenticate", baseVersion: 0, tokenType: "None" },
  { type: "Event", eventType: "ClientConnect", event: {} },
];

it("answers every message on a socket, or ends the socket and says why", async () => {
  const random = new Random(20_262);
  for (let i = 0; i < SOCKETS; i++) {
    const socket = await RawSocket.connect(deployment.url, { greet: false });
    socket.send(random.below(5) === 0 ? text(random, connect) : JSON.stringify(connect));
    for (let n = 0; n < MESSAGES_PER_SOCKET; n++) socket.send(text(random, random.pick(SOCKET_MESSAGES)));
    // What the last message gets: either an end with a reason, or an answer to this.
    socket.send({ type: "Mutation", requestId: 99, udfPath: "messages:send", args: [send] });
    const answered = socket.until("MutationResponse", (message) => message.requestId === 99);
    await Promise.race([answered, socket.closed]);
    answered.catch(() => {});
    const reason = socket.messages.find(
      (message) => message.type === "FatalError" || message.type === "AuthError",
    );
    const served = socket.messages.some(
      (message) => message.type === "MutationResponse" && message.requestId === 99,
    );
    expect(reason !== undefined || served, JSON.stringify(socket.messages).slice(0, 1_000)).toBe(true);
    if (reason) expect(String(reason.error)).not.toMatch(/\/embedded\/|node:internal|TypeError/);
    socket.close();
  }
  expect(await deployment.http().query(api.messages.latest, { channel: "fuzz", count: 1 })).toHaveLength(1);
}, 60_000);
