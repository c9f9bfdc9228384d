// @vitest-environment edge-runtime
import { describe, expect, test } from "vitest";
import { api } from "../../convex/_generated/api";
import { type Caller, floyd, person, service, stranger } from "./floyd";

async function post(caller: Pick<Caller, "fetch">, body: unknown, init: RequestInit = {}) {
  const response = await caller.fetch("/requests", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe("POST /requests", () => {
  test("files a request", async () => {
    const p = await person(floyd());
    const { status, body } = await post(p, { text: "Call the school" });
    expect(status).toBe(201);
    expect(await p.query(api.requests.get, { requestId: body.requestId })).toMatchObject({
      text: "Call the school",
      status: "pending",
    });
  });

  test("with the same key is the same request", async () => {
    const p = await person(floyd());
    const wanted = { text: "Call the school", idempotencyKey: "monday", to: "+14155550134" };
    const first = await post(p, wanted);
    expect((await post(p, wanted)).body).toEqual(first.body);
    expect(await p.query(api.requests.get, first.body)).toMatchObject({ toNumber: "+14155550134" });
  });

  test("may be a person's first sign-in", async () => {
    const newcomer = stranger(floyd(), "kim");
    expect((await post(newcomer, { text: "Call the school" })).status).toBe(201);
    expect(await newcomer.query(api.users.me, {})).toMatchObject({ name: "kim" });
  });

  test("without a token is 401, with a worker's 403", async () => {
    const t = floyd();
    expect(await post(t, { text: "x" })).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
    expect(await post(service(t), { text: "x" })).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  });

  test.each([
    ["", "body"],
    ["{", "body"],
    ["[]", "body"],
    ["null", "body"],
    [{}, "text"],
    [{ text: 7 }, "text"],
    [{ text: "" }, "text"],
    [{ text: " \n\t" }, "text"],
    [{ text: "x".repeat(20_480) }, "text"],
    [{ text: "x", to: "911" }, "to"],
    [{ text: "x", to: "school" }, "to"],
    [{ text: "x", to: null }, "to"],
    [{ text: "x", idempotencyKey: 1 }, "idempotencyKey"],
    [{ text: "x", idempotencyKey: "k".repeat(300) }, "idempotencyKey"],
    [{ text: "x", status: "completed" }, "status"],
  ])("%j is 400 and names %s", async (body, field) => {
    const p = await person(floyd());
    const answer = await post(p, body);
    expect(answer).toMatchObject({ status: 400, body: { field } });
    expect(["BAD_INPUT", "POLICY_BLOCKED"]).toContain(answer.body.code);
    expect(answer.body.message.length).toBeGreaterThan(10);
    const opts = { paginationOpts: { numItems: 10, cursor: null } };
    expect((await p.query(api.requests.list, opts)).page).toEqual([]);
  });

  test("with too large a body is 413, whether or not its length is told", async () => {
    const p = await person(floyd());
    const large = JSON.stringify({ text: "x".repeat(70_000) });
    expect(await post(p, large)).toMatchObject({ status: 413, body: { field: "text" } });
    const headers = { "Content-Length": "70000" };
    expect(await post(p, { text: "x" }, { headers })).toMatchObject({ status: 413 });
  });

  test("takes the longest request that is allowed, however it is written in JSON", async () => {
    const p = await person(floyd());
    const text = "é".repeat(4_000);
    const escaped = `{"text": "${"\\u00e9".repeat(4_000)}"}`;
    const { status, body } = await post(p, escaped);
    expect(status).toBe(201);
    expect((await p.query(api.requests.get, body)).text).toBe(text);
  });

  test("may be called from any web page", async () => {
    const t = floyd();
    const preflight = await t.fetch("/requests", { method: "OPTIONS" });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("Access-Control-Allow-Headers")).toContain("Authorization");
    for (const response of [preflight, await post(t, { text: "x" })]) {
      expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    }
  });
});
