/** Functions through the HTTP API: validation, errors, visibility, nesting, limits of isolation. */
import { once } from "node:events";
import { connect } from "node:net";
import { ConvexError } from "convex/values";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { api, internal } from "./app/convex/_generated/api.js";
import { Deployment, within } from "./harness.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(() => deployment.stop());

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error("it was expected to fail");
    },
    (error: Error) => error,
  );

describe("validation", () => {
  it("names the missing argument", async () => {
    const error = await failure(deployment.http().mutation(api.messages.send, { channel: "a" } as never));
    expect(error.message).toContain("ArgumentValidationError: Object is missing the required field `seq`.");
    expect(error.message).toContain('Object: {channel: "a"}');
  });

  it("names the extra argument", async () => {
    const args = { channel: "a", seq: 1, body: "b", color: "red" };
    const error = await failure(deployment.http().mutation(api.messages.send, args as never));
    expect(error.message).toContain("Object contains extra field `color` that is not in the validator.");
  });

  it("names path, value and validator of a wrong argument", async () => {
    const error = await failure(
      deployment
        .http()
        .mutation(api.messages.send, { channel: "a", seq: 1, body: "b", tags: ["x", 3] } as never),
    );
    expect(error.message).toContain(
      "Value does not match validator.\nPath: .tags[1]\nValue: 3.0\nValidator: v.string()",
    );
  });

  it("rejects an id of another table", async () => {
    const http = deployment.http();
    const id = await http.mutation(api.messages.insertAnything, { table: "users", value: { name: "Mara" } });
    const error = await failure(http.query(api.messages.get, { id: id as never }));
    expect(error.message).toContain(
      'from table `users`, which does not match the table name in validator `v.id("messages")`',
    );
    const nonsense = await failure(http.query(api.messages.get, { id: "nonsense" as never }));
    expect(nonsense.message).toContain('Value: "nonsense"\nValidator: v.id("messages")');
  });

  it("checks returned values", async () => {
    const error = await failure(deployment.http().query(api.messages.wrongReturn, {}));
    expect(error.message).toContain("ReturnsValidationError: Value does not match validator.\nValue: 3.0");
  });

  it("checks documents against the schema on insert, patch and replace", async () => {
    const http = deployment.http();
    const inserted = await failure(
      http.mutation(api.messages.insertAnything, { table: "messages", value: { channel: "a", seq: 1 } }),
    );
    expect(inserted.message).toContain(
      'Failed to insert or update a document in table "messages" because it does not match the schema: Object is missing the required field `body`.',
    );
    const id = await http.mutation(api.messages.send, { channel: "schema", seq: 1, body: "b" });
    const replaced = await failure(
      http.mutation(api.messages.overwrite, { id, value: { channel: 1, seq: 1, body: "b" } }),
    );
    expect(replaced.message).toContain("Path: .channel");
    expect(await http.query(api.messages.get, { id })).toMatchObject({ channel: "schema" });
  });

  it("removes a field that is patched with undefined", async () => {
    const http = deployment.http();
    const id = await http.mutation(api.messages.send, { channel: "patch", seq: 1, body: "b", tags: ["x"] });
    await http.mutation(api.messages.edit, { id, body: "c", dropTags: true });
    const message = await http.query(api.messages.get, { id });
    expect(message).toMatchObject({ channel: "patch", body: "c" });
    expect(message).not.toHaveProperty("tags");
  });
});

describe("errors", () => {
  it("rolls a failed mutation back and tells file and line", async () => {
    const http = deployment.http();
    const error = await failure(http.mutation(api.messages.failAfterWrite, { channel: "rollback" }));
    expect(error.message).toMatch(
      /^\[Request ID: [0-9a-f]{16}\] Server Error\nUncaught Error: after the write\n/,
    );
    expect(error.message).toMatch(/at handler \(\.\.\/convex\/messages\.ts:\d+:\d+\)/);
    expect(await http.query(api.messages.list, { channel: "rollback" })).toEqual([]);
  });

  it("carries the data of a ConvexError", async () => {
    const error = await failure(deployment.http().mutation(api.messages.failWithData, { code: "E7" }));
    expect(error).toBeInstanceOf(ConvexError);
    expect((error as ConvexError<{ code: string; big: bigint }>).data).toEqual({ code: "E7", big: 7n });
  });

  it("undoes a nested mutation alone", async () => {
    const result = await deployment.http().mutation(api.messages.nested, { channel: "nested" });
    expect(result).toEqual({ caught: "Uncaught Error: after the write", seen: ["kept"] });
  });

  it("says when unique() finds more than one", async () => {
    const http = deployment.http();
    for (const seq of [1, 2]) await http.mutation(api.messages.send, { channel: "twins", seq, body: "b" });
    const error = await failure(http.query(api.messages.only, { channel: "twins" }));
    expect(error.message).toContain("unique() query returned more than one result from table messages");
  });
});

describe("visibility", () => {
  it("keeps internal functions from clients, and gives them to the admin key", async () => {
    const error = await failure(deployment.http().query(internal.messages.secret as never, {}));
    expect(error.message).toContain("Could not find public function for 'messages:secret'");
    expect(await deployment.admin().query(internal.messages.secret as never, {})).toBe(
      "only for the deployment",
    );
  });

  it("refuses a wrong admin key", async () => {
    const client = deployment.admin();
    client.setAdminAuth("embedded|wrong");
    const error = await failure(client.query(internal.messages.secret as never, {}));
    expect(error.message).toContain("invalid for this deployment");
  });

  it("keeps system functions from clients", async () => {
    const response = await fetch(`${deployment.url}/api/query`, {
      method: "POST",
      body: JSON.stringify({ path: "_system/cli/queryEnvironmentVariables", args: {} }),
    });
    expect(await response.json()).toMatchObject({ status: "error" });
  });

  it("tells a mutation from a query", async () => {
    const error = await failure(deployment.http().query(api.messages.send as never, {}));
    expect(error.message).toContain(
      "Trying to execute messages.js:send as Query, but it is defined as Mutation.",
    );
  });
});

describe("isolation", () => {
  it("freezes time and seeds random numbers", async () => {
    const first = await deployment.http().query(api.messages.clock, {});
    const second = await deployment.http().query(api.messages.clock, {});
    expect(first.frozen).toBe(true);
    expect(first.random).not.toBe(second.random);
  });

  it("has no network in queries", async () => {
    const error = await failure(deployment.http().query(api.messages.fetches, {}));
    expect(error.message).toContain(
      "Can't use fetch() in queries and mutations. Please consider using an action.",
    );
  });

  it("ends an endless loop and serves others", async () => {
    const http = deployment.http();
    const id = await http.mutation(api.messages.send, { channel: "alive", seq: 1, body: "b" });
    const looping = failure(http.query(api.messages.forever, {}));
    const mutating = failure(deployment.http().mutation(api.messages.foreverMutation, {}));
    const meanwhile = deployment.http().query(api.messages.get, { id });
    expect((await looping).message).toContain("Function execution timed out (maximum duration: 1s)");
    expect((await mutating).message).toContain("Function execution timed out");
    expect(await meanwhile).toMatchObject({ channel: "alive" });
    const events = await http.query(api.jobs.events, {});
    expect(events.map((event) => event.name)).not.toContain("never committed");
  });

  it("ends a function that takes all memory, and serves others", async () => {
    const http = deployment.http();
    const error = await failure(http.query(api.messages.hog, {}));
    expect(error.message).toMatch(/memory limit|timed out/);
    expect(await http.query(api.messages.list, { channel: "none" })).toEqual([]);
  });

  it("ends a function that waits for nothing", async () => {
    const error = await failure(deployment.http().query(api.messages.neverSettles, {}));
    expect(error.message).toContain("never finishes");
  });

  it("ends an action that never yields, and runs others afterwards", async () => {
    const error = await failure(deployment.http().action(api.jobs.loopForever, {}));
    expect(error.message).toContain("without yielding");
    expect(await deployment.http().action(api.nodeActions.sha256, { text: "" })).toMatch(/^e3b0c442/);
  });
});

describe("HTTP API", () => {
  const post = (path: string, body: unknown) =>
    fetch(`${deployment.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: "https://app.test" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });

  it("answers clean JSON and encoded JSON", async () => {
    const value = { $integer: "BwAAAAAAAAA=" };
    const clean = await post("/api/query", { path: "values:echo", args: { value } });
    expect(await clean.json()).toEqual({ status: "success", value: "7", logLines: [] });
    const encoded = await post("/api/query", {
      path: "values:echo",
      args: [{ value }],
      format: "convex_encoded_json",
    });
    expect(await encoded.json()).toEqual({ status: "success", value, logLines: [] });
  });

  it("runs functions by address", async () => {
    const run = await post("/api/run/values/echo", { args: { value: 3 } });
    expect(await run.json()).toMatchObject({ status: "success", value: 3 });
    const get = await fetch(
      `${deployment.url}/api/query?path=values:echo&args=${encodeURIComponent('{"value":"x"}')}`,
    );
    expect(await get.json()).toMatchObject({ status: "success", value: "x" });
  });

  it("returns the log lines", async () => {
    const response = await post("/api/mutation", {
      path: "messages:send",
      args: { channel: "log", seq: 5, body: "b" },
    });
    expect(await response.json()).toMatchObject({ logLines: ["[LOG] 'sent' 'log' 5"] });
  });

  it("answers bad requests with code and message", async () => {
    for (const [body, named] of [
      ["{", "JSON"],
      [{}, '"path"'],
      [{ path: "values:echo", args: 3 }, '"args"'],
      [{ path: "values:echo", args: {}, format: "xml" }, '"format"'],
    ] as const) {
      const response = await post("/api/query", body);
      expect(response.status).toBe(400);
      expect(((await response.json()) as { message: string }).message).toContain(named);
    }
    expect((await fetch(`${deployment.url}/nothing`)).status).toBe(404);
    expect((await post("/api/run/%ff/x", {})).status).toBe(400);
  });

  it("refuses bodies that are too large", async () => {
    const response = await post("/api/query", {
      path: "values:echo",
      args: { value: "x".repeat(17 * 1024 * 1024) },
    });
    expect(response.status).toBe(413);
  });

  it("survives request lines that are no addresses", async () => {
    const { port } = new URL(deployment.url);
    for (const line of ["GET // HTTP/1.1", "GET http://[ HTTP/1.1", "GET /%%%\\ HTTP/1.1", "nonsense"]) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => {});
      socket.write(`${line}\r\nhost: x\r\nconnection: close\r\n\r\n`);
      await within(once(socket.resume(), "close"), `the answer to ${line}`);
    }
    expect((await fetch(`${deployment.url}/version`)).status).toBe(200);
  });

  it("lets other origins call", async () => {
    const preflight = await fetch(`${deployment.url}/api/query`, {
      method: "OPTIONS",
      headers: { origin: "https://app.test", "access-control-request-headers": "authorization,content-type" },
    });
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://app.test");
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization,content-type");
    expect(preflight.headers.get("access-control-allow-credentials")).toBe("true");
    const response = await post("/api/query", { path: "values:echo", args: { value: 1 } });
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.test");
  });
});

describe("HTTP actions", () => {
  it("route by path and prefix, on the site port and under /http", async () => {
    const created = await fetch(`${deployment.siteUrl}/messages`, {
      method: "POST",
      body: JSON.stringify({ channel: "http", body: "b" }),
    });
    expect(created.status).toBe(201);
    expect(created.headers.get("x-test")).toBe("yes");
    expect(await deployment.http().query(api.messages.list, { channel: "http" })).toHaveLength(1);
    expect(await (await fetch(`${deployment.siteUrl}/files/a/b?c=d`)).text()).toBe("/files/a/b?c=d");
    expect(await (await fetch(`${deployment.url}/http/files/a?c=d`)).text()).toBe("/files/a?c=d");
    expect((await fetch(`${deployment.siteUrl}/nowhere`)).status).toBe(404);
  });
});

it("db.vars.commitTs is the time of the commit, later with each one", async () => {
  const http = deployment.http();
  for (const label of ["a", "b", "c"]) await http.mutation(api.messages.stamp, { label });
  const stamps = await http.query(api.messages.stamps, {});
  expect(stamps.map(({ label }) => label)).toEqual(["a", "b", "c"]);
  const times = stamps.map(({ at }) => at);
  expect(times).toEqual(times.toSorted((x, y) => (x < y ? -1 : 1)));
  expect(new Set(times).size).toBe(3);
  expect(Number((times[0] ?? 0n) / 1_000_000n)).toBeGreaterThan(Date.now() - 60_000);
});

it("consistentQuery answers as of its timestamp, or says that it can't", async () => {
  const http = deployment.http();
  await http.mutation(api.messages.send, { channel: "as of", seq: 1, body: "before" });
  const read = () => http.consistentQuery(api.messages.list, { channel: "as of" });
  expect(await read()).toHaveLength(1);
  // What others write elsewhere changes nothing for this query.
  await deployment.http().mutation(api.messages.send, { channel: "elsewhere", seq: 1, body: "b" });
  expect(await read()).toHaveLength(1);
  await deployment.http().mutation(api.messages.send, { channel: "as of", seq: 2, body: "after" });
  await expect(read()).rejects.toThrow("has been changed since that timestamp");
  expect(await deployment.http().consistentQuery(api.messages.list, { channel: "as of" })).toHaveLength(2);
});
