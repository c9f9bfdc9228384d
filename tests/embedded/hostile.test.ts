/**
 * Input that no client sends. Whatever comes, the sender gets a clear error, other clients notice nothing, and the
 * process goes on; memory stays within bounds.
 */
import { readFileSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import WebSocket from "ws";
import { api } from "./app/convex/_generated/api.js";
import { Deployment, eventually, within } from "./harness.ts";
import { RawSocket } from "./rawSocket.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
  await deployment.http().mutation(api.messages.send, { channel: "kept", seq: 1, body: "kept" });
});
afterAll(async () => {
  expect(await deployment.stop()).toBe(0);
});
const sockets: RawSocket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  // Others are served as before.
  expect(await deployment.http().query(api.messages.list, { channel: "kept" })).toHaveLength(1);
});

async function open(options: { greet?: boolean } = {}): Promise<RawSocket> {
  const socket = await RawSocket.connect(deployment.url, options);
  sockets.push(socket);
  return socket;
}

type Reply = { status: number; text: string; headers: IncomingHttpHeaders };
type Options = {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
};

function send(
  { method = "POST", path = "/api/query", headers = {}, body = "" }: Options,
  base = deployment.url,
) {
  return within(
    new Promise<Reply>((resolve, reject) => {
      const { hostname, port } = new URL(base);
      const outgoing = request({ hostname, port, method, path, headers, agent: false }, (response) => {
        let text = "";
        response.on("data", (part) => {
          text += String(part);
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
        );
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    }),
    `${method} ${path.slice(0, 80)}`,
    15_000,
  );
}

/** Bytes as they are; what comes back until the other side closes. */
function sendBytes(bytes: string, base = deployment.url): Promise<string> {
  return within(
    new Promise((resolve) => {
      let text = "";
      const socket = connect(Number(new URL(base).port), "127.0.0.1", () => socket.write(bytes));
      socket.on("data", (part) => {
        text += String(part);
      });
      socket.on("error", () => resolve(text));
      socket.on("close", () => resolve(text));
      socket.setTimeout(1_000, () => socket.destroy());
    }),
    "an end",
  );
}

function memoryMb(): number {
  const status = readFileSync(`/proc/${deployment.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const call = (path: unknown, args: unknown = {}) => JSON.stringify({ path, args, format: "json" });

it.each([
  ["no JSON", "{", 400, "must be JSON"],
  ["no object", "[1]", 400, "must be a JSON object"],
  ["nothing", "", 400, "must be JSON"],
  ["bytes", Buffer.from([0xff, 0xfe, 0, 1]), 400, "must be JSON"],
  ["no path", "{}", 400, '"path"'],
  ["a path that is no text", call(["values:echo"]), 400, '"path"'],
  ["arguments that are no object", call("values:echo", 3), 400, '"args"'],
  ["several arguments", call("values:echo", [{}, {}]), 400, '"args"'],
  ["arguments nested too deep", `{"path": "values:echo", "args": ${deep(100)}}`, 400, '"args"'],
  ["arguments nested absurdly deep", `{"path": "values:echo", "args": ${deep(200_000)}}`, 400, '"args"'],
  ["an unknown format", '{"path": "values:echo", "args": {}, "format": "xml"}', 400, '"format"'],
  ["too much", "x".repeat(17 * 1024 * 1024), 413, "limit"],
])("answers a body with %s", async (_, body, status, told) => {
  const reply = await send({ body });
  expect(reply.status).toBe(status);
  expect(JSON.parse(reply.text)).toMatchObject({
    code: expect.any(String),
    message: expect.stringContaining(told),
  });
});

it.each([
  "../../../etc/passwd",
  "../schema:default",
  "_deps/x:default",
  "messages",
  "messages:",
  ":",
  "messages:constructor",
  "__proto__:toString",
  "messages.js.js:list",
  "messages:list:more",
  "_system/cli/tables",
  "\u0000",
  "x".repeat(100_000),
])("does not find the function %j", async (path) => {
  const { status, text } = await send({ body: call(path) });
  expect(status).toBe(200);
  const { errorMessage } = JSON.parse(text) as { errorMessage: string };
  expect(errorMessage).toContain("Could not find");
  expect(errorMessage.length).toBeLessThan(1_000);
  const viaPath = await send({
    path: `/api/run/${encodeURIComponent(path.slice(0, 2_000))}/x`,
    body: '{"args": {}}',
  });
  expect(viaPath.status).toBe(200);
  expect(viaPath.text).toContain("Could not find");
});

it.each([
  { $integer: "AAAA" },
  { $integer: 5 },
  { $bytes: {} },
  { $float: [] },
  { $unknown: 1 },
  { $integer: "AAAAAAAAAAA=", more: 1 },
  { "": 1 },
  { "\u00e9": 1 },
  { constructor: 1, hasOwnProperty: null },
  JSON.parse('{"__proto__": {"a": 1}}'),
  { undefined: { $undefined: null } },
])("runs a function with %j, or says why not", async (value) => {
  for (const path of ["values:echo", "values:above"]) {
    const { status, text } = await send({ body: call(path, { value }) });
    expect(status).toBe(200);
    expect(["success", "error"]).toContain((JSON.parse(text) as { status: string }).status);
  }
  const stored = await send({ path: "/api/mutation", body: call("values:store", { value }) });
  expect(stored.status).toBe(200);
});

it("keeps long values out of its messages", async () => {
  const { text } = await send({ body: call("values:echo", { other: "y".repeat(1_000_000) }) });
  expect((JSON.parse(text) as { errorMessage: string }).errorMessage.length).toBeLessThan(10_000);
});

it.each([
  ["a wrong admin key", { authorization: "Convex embedded|00" }, 401],
  ["no admin key", { authorization: "Convex" }, 401],
  ["an admin key's beginning", { authorization: "Convex embedded|" }, 401],
  ["another scheme", { authorization: "Basic dTpw" }, 401],
  ["half a token", { authorization: "Bearer e30.e30" }, 401],
  ["a token without an algorithm", { authorization: "Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0." }, 401],
  ["a header that is too long", { authorization: `Bearer ${"x".repeat(100_000)}` }, 431],
  ["many headers", Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`x-${i}`, "1"])), 431],
])("refuses %s", async (_, headers, status) => {
  const reply = await send({ headers, body: call("messages:list", { channel: "kept" }) }).catch(() => null);
  if (reply) expect(reply.status).toBe(status);
  else expect(status).toBe(431);
});

it("refuses an identity after the admin key that is none", async () => {
  for (const identity of ["null", "5", '"x"', "[]", "{"]) {
    const authorization = `Convex ${deployment.adminKey}:${Buffer.from(identity).toString("base64")}`;
    const reply = await send({ headers: { authorization }, body: call("values:whoAmI") });
    expect([reply.status, reply.text]).toEqual([
      401,
      expect.stringContaining("must be base64 of a JSON object"),
    ]);
  }
});

it("has only the routes that it has", async () => {
  for (const [method, path] of [
    ["GET", "/api/mutation"],
    ["DELETE", "/api/query"],
    ["POST", "/api/../embedded"],
    ["GET", "/api/storage/../../etc/passwd"],
    ["HEAD", "/nothing"],
    ["PROPFIND", "/"],
  ] as const) {
    expect((await send({ method, path })).status).toBe(404);
  }
  expect((await send({ method: "GET", path: "/api/query?path=values:echo&args=%7B" })).status).toBe(400);
  expect((await send({ path: "/api/run/%E0%A4%A/x", body: "{}" })).status).toBe(400);
  const many = JSON.stringify({ queries: Array(5_000).fill({ path: "values:whoAmI", args: {} }) });
  expect((await send({ path: "/api/query_batch", body: many })).status).toBe(400);
});

it("survives HTTP that is none", async () => {
  const lines = [
    "\r\n\r\n\r\n",
    "GET\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
    "POST /api/query HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "POST /api/query HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /api/query HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
    "GET http://elsewhere.test/api HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "GET //[ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost: x\r\norigin: \u00ff\r\nconnection: close\r\n\r\n",
    "GET /api/sync HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    "GET /elsewhere HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    "GET /api/sync HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
  ];
  for (const base of [deployment.url, deployment.siteUrl]) {
    for (const line of lines) expect(await sendBytes(line, base)).not.toContain("HTTP/1.1 5");
  }
});

it("survives clients that vanish in the middle of a handshake", async () => {
  for (const path of ["/api/sync", "/elsewhere"]) {
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(new URL(deployment.url).port), "127.0.0.1", () => {
          socket.write(
            `GET ${path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
          );
          socket.resetAndDestroy();
        });
        socket.on("error", () => {});
        socket.on("close", () => resolve());
      });
    }
  }
});

it("gives HTTP actions the requests that there can be", async () => {
  for (const method of ["GET", "TRACE", "PUT", "SEARCH"]) {
    const headers = { "content-length": "1" };
    const { status } = await send({ method, path: "/files/a", headers, body: "x" }, deployment.siteUrl);
    expect(status).toBe(method === "GET" ? 200 : 404);
  }
  const odd = { "x-latin": "\u00e9\u00ff", cookie: ["a=1", "b=2"], "sec-fetch-mode": "x", te: "trailers" };
  const reply = await send(
    { method: "GET", path: "/files/%00%ff/../..?q=%", headers: odd },
    deployment.siteUrl,
  );
  expect(reply.status).toBeLessThan(500);
  expect((await send({ path: "/messages", body: "{" }, deployment.siteUrl)).status).toBe(500);
});

const connectMessage = { type: "Connect", sessionId: crypto.randomUUID(), connectionCount: 0, clientTs: 0 };
const add = (queryId: unknown, udfPath: unknown = "values:whoAmI") => ({
  type: "Add",
  queryId,
  udfPath,
  args: [{}],
});
const querySet = (modifications: unknown) => ({
  type: "ModifyQuerySet",
  baseVersion: 0,
  newVersion: 1,
  modifications,
});

it.each<[string, object | string, string]>([
  ["no JSON", "{", "must be JSON"],
  ["no object", "[]", "must be a JSON object"],
  ["deep nesting alone", "[".repeat(100_000), "must be JSON"],
  ["no type", {}, "unknown message type"],
  ["a type that is no text", { type: [[[["x"]]]] }, "unknown message type"],
  ["a long type", { type: "x".repeat(1_000_000) }, "unknown message type"],
  ["a second Connect", connectMessage, "only once"],
  ["no modifications", querySet(undefined), '"modifications"'],
  ["modifications that are no list", querySet({ length: 3 }), '"modifications"'],
  ["a modification that is no object", querySet([null]), '"modifications"'],
  ["an unknown modification", querySet([{ type: "Change", queryId: 1 }]), "unknown query modification"],
  ["a query id that is no number", querySet([add("1")]), '"queryId"'],
  ["a query id beyond 32 bits", querySet([add(2 ** 32)]), '"queryId"'],
  ["a path that is no text", querySet([add(0, 7)]), '"udfPath"'],
  ["the same query id twice", querySet([add(0), add(0)]), "duplicate query id 0"],
  ["an unknown query id", querySet([{ type: "Remove", queryId: 9 }]), "unknown query id 9"],
  ["a version from nowhere", { ...querySet([]), baseVersion: 5 }, "BaseVersionMismatch"],
  [
    "an identity version from nowhere",
    { type: "Authenticate", baseVersion: 3, tokenType: "None" },
    "BaseVersion",
  ],
  [
    "an unknown token type",
    { type: "Authenticate", baseVersion: 0, tokenType: "Cookie" },
    "unknown token type",
  ],
  ["a mutation without an id", { type: "Mutation", udfPath: "messages:send", args: [{}] }, '"requestId"'],
  [
    "arguments nested too deep",
    `{"type":"Mutation","requestId":1,"udfPath":"x","args":[${deep(70)}]}`,
    '"args"',
  ],
  [
    "arguments nested absurdly",
    `{"type":"Action","requestId":1,"udfPath":"x","args":[${deep(200_000)}]}`,
    '"args"',
  ],
])("ends a socket with %s, saying why", async (_, message, told) => {
  const socket = await open();
  socket.send(message);
  const { error } = (await socket.until("FatalError")) as { error: string };
  expect(error).toContain(told);
  expect(error.length).toBeLessThan(1_000);
  expect((await socket.closed).code).toBe(1008);
});

it("wants to know who speaks, first", async () => {
  for (const message of [querySet([]), { ...connectMessage, sessionId: "x".repeat(1_000) }]) {
    const socket = await open({ greet: false });
    socket.send(message);
    expect((await socket.until("FatalError")).error).toMatch(/first message must be Connect|"sessionId"/);
  }
});

it("refuses a wrong admin key and a wrong token on a socket", async () => {
  for (const token of [
    { tokenType: "Admin", value: "embedded|0" },
    { tokenType: "User", value: "x" },
  ]) {
    const socket = await open();
    socket.send({ type: "Authenticate", baseVersion: 0, ...token });
    expect(await socket.until("AuthError")).toMatchObject({ baseVersion: 0, authUpdateAttempted: true });
    await socket.closed;
  }
});

it("answers calls of functions that there are not, and queries with a journal of somebody's own", async () => {
  const socket = await open();
  for (const type of ["Mutation", "Action"]) {
    socket.send({ type, requestId: 1, udfPath: "../x".repeat(10_000), args: [{}] });
    const { success, result } = (await socket.until(`${type}Response`)) as {
      success: boolean;
      result: string;
    };
    expect(success).toBe(false);
    expect(result).toContain("Could not find public function");
    expect(result.length).toBeLessThan(1_000);
  }
  const page = { channel: "kept", paginationOpts: { numItems: 1, cursor: null } };
  const queries = ["{", "null", '{"endCursor": {"a": 1}}', '{"endCursor": "zz"}', "[[[["].map(
    (journal, queryId) => ({
      ...add(queryId, "messages:page"),
      args: [page],
      journal,
    }),
  );
  socket.send(querySet(queries));
  const { modifications } = (await socket.until(
    "Transition",
    (m) => (m.modifications as unknown[]).length > 0,
  )) as {
    modifications: { type: string }[];
  };
  for (const { type } of modifications) expect(["QueryUpdated", "QueryFailed"]).toContain(type);
  expect(modifications).toHaveLength(5);
});

it("refuses frames that are too large, and binary rubbish", async () => {
  const large = await open();
  large.send("x".repeat(20 * 1024 * 1024));
  expect((await large.closed).code).toBe(1009);
  const binary = await open();
  binary.ws.send(Buffer.from([0xff, 0, 0xc3]));
  expect((await binary.until("FatalError")).error).toContain("must be JSON");
});

it("serves others while one socket subscribes to 10,000 queries", async () => {
  const socket = await open();
  const modifications = Array.from({ length: 10_000 }, (_, queryId) => ({
    ...add(queryId, "messages:latest"),
    args: [{ channel: `many ${queryId}`, count: 1 }],
  }));
  socket.send(querySet(modifications));
  const http = deployment.http();
  let served = 0;
  let done = false;
  const all = socket
    .until("Transition", (message) => (message.modifications as unknown[]).length === 10_000, 60_000)
    .finally(() => {
      done = true;
    });
  while (!done) {
    await http.mutation(api.messages.send, { channel: "others", seq: 1, body: "b" });
    served += 1;
  }
  await all;
  // In one piece, the 10,000 would hold up one or two.
  expect(served).toBeGreaterThan(10);
  await http.mutation(api.messages.send, { channel: "many 9999", seq: 1, body: "seen" });
  const update = await socket.until(
    "Transition",
    (message) => (message.modifications as unknown[]).length === 1,
  );
  expect(JSON.stringify(update.modifications)).toContain("seen");
}, 90_000);

it.skipIf(process.platform !== "linux")(
  "holds little for a client that doesn't read, and ends it",
  async () => {
    const before = memoryMb();
    await deployment
      .http()
      .mutation(api.messages.send, { channel: "large", seq: 1, body: "x".repeat(900_000) });
    const ws = new WebSocket(`${deployment.url.replace("http", "ws")}/api/sync`);
    await new Promise((resolve) => ws.once("open", resolve));
    ws.on("error", () => {});
    const ended = new Promise<void>((resolve) => ws.once("close", () => resolve()));
    ws.send(JSON.stringify(connectMessage));
    ws.pause();
    for (let requestId = 0; requestId < 900; requestId++) {
      // Each result is close to a megabyte.
      const args = [{ channel: "large" }];
      ws.send(JSON.stringify({ type: "Mutation", requestId, udfPath: "messages:readLarge", args }));
    }
    let highest = 0;
    const timer = setInterval(() => {
      highest = Math.max(highest, memoryMb());
    }, 50);
    try {
      await eventually(
        async () =>
          (await deployment.http().query(api.messages.list, { channel: "kept" })).length === 1 ? true : null,
        "an answer to somebody else",
        30_000,
      );
      await within(
        eventually(
          async () => (deployment.stderr.includes("does not read") ? true : null),
          "the end of it",
          30_000,
        ),
        "the end of it",
        30_000,
      );
    } finally {
      clearInterval(timer);
      ws.resume();
    }
    await within(ended, "the socket's end", 10_000);
    expect(highest - before).toBeLessThan(400);
  },
  60_000,
);
