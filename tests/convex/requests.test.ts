// @vitest-environment edge-runtime
import { describe, expect, test } from "vitest";
import { api } from "../../convex/_generated/api";
import authConfig from "../../convex/auth.config";
import { MAX_PLAN_CHARS, MAX_REQUEST_CHARS } from "../../convex/input";
import { begin, claim, done, expectFailure, floyd, ISSUER, inFlight, line, person } from "./floyd";

describe("a request, from the first word to the outcome", () => {
  test("is created, claimed, prepared, called, reported and shown", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    expect((await p.query(api.requests.show, { requestId })).lease).toEqual({ workerId: "kitchen" });
    await w.mutation(api.requests.setStage, { requestId, token, stage: "planning" });
    await w.mutation(api.requests.writePlan, { requestId, token, text: "Say", done: false });
    await w.mutation(api.requests.writePlan, { requestId, token, text: "Say it.", done: true });
    const number = { phone: "+14155550134", source: "contact" as const, name: "School" };
    await w.mutation(api.requests.saveNumber, { requestId, token, number });
    const { callId, attempt } = await begin(w, { requestId, token });
    expect(attempt).toBe(1);
    expect((await p.query(api.requests.show, { requestId })).request).toMatchObject({
      status: "inFlight",
      stage: "dialing",
      plan: "Say it.",
      number,
    });
    await w.mutation(api.transcript.append, { callId, token, lines: [line(0), line(1)] });
    await w.mutation(api.calls.end, { callId, token, endReason: "done" });
    await w.mutation(api.requests.setStage, { requestId, token, stage: "wrappingUp" });
    await w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome: done() });
    const shown = await p.query(api.requests.show, { requestId });
    expect(shown.request).toMatchObject({
      status: "completed",
      plan: "Say it.",
      attempts: 1,
      outcome: done(),
    });
    expect(shown.request.stage).toBeUndefined();
    expect(shown.calls).toMatchObject([{ attempt: 1, status: "ended", endReason: "done" }]);
    expect(shown.transcript.map((said) => said.text)).toEqual(["line 0", "line 1"]);
    expect(shown.lease).toBeNull();
  });

  test("given back for later, it waits until then, and its plan can be written anew", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    await w.mutation(api.requests.writePlan, { requestId, token, text: "The first plan", done: true });
    const notBefore = Date.now() + 60_000;
    await w.mutation(api.requests.release, { requestId, token, notBefore, reason: "closed" });
    expect(await w.query(api.requests.pending, {})).toEqual([{ requestId, notBefore }]);
    expect(await claim(w, "token-2")).toBeNull();
    await t.run((ctx) => ctx.db.patch("requests", requestId, { notBefore: Date.now() }));
    await claim(w, "token-3");
    await w.mutation(api.requests.writePlan, { requestId, token: "token-3", text: "The", done: false });
    expect(await p.query(api.requests.get, { requestId })).toMatchObject({ plan: "The", planDone: false });
  });

  test("a person's requests are listed newest first, page by page", async () => {
    const p = await person(floyd());
    for (const text of ["One", "Two", "Three"]) await p.mutation(api.requests.create, { text });
    const page = (cursor: string | null) =>
      p.query(api.requests.list, { paginationOpts: { numItems: 2, cursor } });
    const first = await page(null);
    expect(first.page.map(({ text }) => text)).toEqual(["Three", "Two"]);
    const second = await page(first.continueCursor);
    expect(second.page.map(({ text }) => text)).toEqual(["One"]);
    expect(second.isDone).toBe(true);
  });
});

describe("bad input", () => {
  test("an empty or endless request is refused, the limit is told, and nothing is written", async () => {
    const p = await person(floyd());
    const create = (text: string) => p.mutation(api.requests.create, { text });
    for (const empty of ["", "   ", "\n\t", "\u0000\u0007"])
      await expectFailure(create(empty), "BAD_INPUT", "text");
    const message = await expectFailure(create("x".repeat(20_480)), "BAD_INPUT", "text");
    expect(message).toContain(String(MAX_REQUEST_CHARS));
    await create("x".repeat(MAX_REQUEST_CHARS));
    const opts = { paginationOpts: { numItems: 10, cursor: null } };
    expect((await p.query(api.requests.list, opts)).page).toHaveLength(1);
  });

  test("control characters become spaces; lines, tabs and every script stay", async () => {
    const p = await person(floyd());
    const requestId = await p.mutation(api.requests.create, {
      text: " Ruf\u0000an\r\n\tbitte: 学校 🙂 \u001b[2J",
    });
    expect((await p.query(api.requests.get, { requestId })).text).toBe("Ruf an\n\tbitte: 学校 🙂  [2J");
  });

  test("a plan, a token and a name have their limits too", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    const text = "x".repeat(MAX_PLAN_CHARS + 1);
    const plan = w.mutation(api.requests.writePlan, { requestId, token, text, done: false });
    await expectFailure(plan, "BAD_INPUT", "text");
    await expectFailure(claim(w, ""), "BAD_INPUT", "token");
    await expectFailure(claim(w, "t".repeat(1_000)), "BAD_INPUT", "token");
    await expectFailure(claim(w, "a token"), "BAD_INPUT", "token");
    await expectFailure(p.mutation(api.users.update, { name: "x".repeat(1_000) }), "BAD_INPUT", "name");
  });

  test("what is not declared is refused before anything runs", async () => {
    const p = await person(floyd());
    const wrong = { text: "x", status: "completed" } as { text: string };
    await expect(p.mutation(api.requests.create, wrong)).rejects.toThrow(/status/);
  });
});

describe("sign-in", () => {
  test("is by Floyd's own ES256 tokens, and with no keys set nobody gets in", () => {
    expect(authConfig.providers).toMatchObject([
      { type: "customJwt", issuer: ISSUER, applicationID: "floyd", algorithm: "ES256" },
    ]);
    const [own] = authConfig.providers;
    const jwks = own !== undefined && "jwks" in own ? own.jwks : "";
    expect(JSON.parse(jwks.slice(jwks.indexOf(",") + 1))).toEqual({ keys: [] });
  });
});
