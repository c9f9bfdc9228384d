// @vitest-environment edge-runtime
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api, internal } from "../../convex/_generated/api";
import { MAX_LOST_LEASES } from "../../convex/expiry";
import { LEASE_MS } from "../../convex/leases";
import {
  begin,
  type Caller,
  type Claimed,
  claim,
  done,
  expectFailure,
  type Floyd,
  floyd,
  inFlight,
  line,
  onCall,
  person,
  requestRow,
  worker,
} from "./floyd";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Let time pass, and run what is due in it. */
async function pass(t: Floyd, ms: number): Promise<void> {
  const step = 1_000;
  for (let left = ms; left > 0; left -= step) {
    await vi.advanceTimersByTimeAsync(Math.min(step, left));
    await t.finishInProgressScheduledFunctions();
  }
}

function beat(w: Caller, leases: Claimed[], incarnation = "start-1", workerId = "kitchen") {
  return w.mutation(api.workers.heartbeat, {
    workerId,
    incarnation,
    status: "running",
    calls: leases.length,
    leases: leases.map(({ requestId, token }) => ({ requestId, token })),
  });
}

describe("claiming", () => {
  test("takes what has been due longest, each request once, and nothing that is not due", async () => {
    const t = floyd();
    const p = await person(t);
    const w = await worker(t);
    const first = await p.mutation(api.requests.create, { text: "One" });
    await pass(t, 1_000);
    const second = await p.mutation(api.requests.create, { text: "Two" });
    const later = await p.mutation(api.requests.create, { text: "Later" });
    await t.run((ctx) => ctx.db.patch("requests", later, { notBefore: Date.now() + 3_600_000 }));
    expect((await w.query(api.requests.pending, {})).map((one) => one.requestId)).toEqual([
      first,
      second,
      later,
    ]);
    const got = [await claim(w, "a"), await claim(w, "b"), await claim(w, "c")];
    expect(got.map((one) => one?.request._id)).toEqual([first, second, undefined]);
    expect(got[0]?.request).toMatchObject({
      status: "inFlight",
      stage: "gatheringContext",
      workerId: "kitchen",
    });
    expect(got[0]?.user).toMatchObject({ name: "alex" });
    await pass(t, 3_600_000);
    expect((await claim(w, "d"))?.request._id).toBe(first);
  });

  test("two workers that claim at once get two requests", async () => {
    const t = floyd();
    const p = await person(t);
    const [a, b] = [await worker(t, "a"), await worker(t, "b")];
    await p.mutation(api.requests.create, { text: "One" });
    await p.mutation(api.requests.create, { text: "Two" });
    const got = await Promise.all([claim(a, "ta", "a"), claim(b, "tb", "b"), claim(a, "tc", "a")]);
    const ids = got.map((one) => one?.request._id).filter((id) => id !== undefined);
    expect(new Set(ids).size).toBe(2);
    expect(ids).toHaveLength(2);
  });

  test("needs a registered worker, and the process that registered last", async () => {
    const t = floyd();
    const w = await worker(t);
    await expectFailure(claim(w, "t", "attic"), "NOT_FOUND", "workerId");
    await worker(t, "kitchen", "start-2");
    await expectFailure(claim(w, "t"), "CONFLICT", "incarnation");
    await expectFailure(beat(w, []), "CONFLICT", "incarnation");
  });
});

describe("a lease", () => {
  test("lives as long as the heartbeat, and the request is offered again when it stops", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    for (let i = 0; i < 30; i++) {
      await pass(t, 10_000);
      expect(await beat(w, [{ requestId, token }])).toEqual({ lost: [] });
    }
    await pass(t, LEASE_MS - 1_000);
    expect((await requestRow(t, requestId)).status).toBe("inFlight");
    await pass(t, 1_000);
    const row = await requestRow(t, requestId);
    expect(row).toMatchObject({ status: "pending", lostLeases: 1 });
    expect(row.workerId).toBeUndefined();
    expect(row.stage).toBeUndefined();
    expect(await beat(w, [{ requestId, token }])).toEqual({ lost: [requestId] });
    const again = await claim(w, "token-2");
    expect(again?.request._id).toBe(requestId);
  });

  test("costs one job a minute, not one a heartbeat", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    for (let i = 0; i < 30; i++) {
      await pass(t, 10_000);
      await beat(w, [{ requestId, token }]);
    }
    const jobs = await t.run((ctx) => ctx.db.system.query("_scheduled_functions").collect());
    expect(jobs.length).toBeLessThanOrEqual(8);
  });

  test("lost: every further write of that worker is LEASE_LOST, and its successor's work is untouched", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    await pass(t, LEASE_MS);
    const attic = await worker(t, "attic");
    await claim(attic, "token-2", "attic");
    const before = await requestRow(t, requestId);
    const stale = { requestId, token };
    const writes: (() => Promise<unknown>)[] = [
      () => w.mutation(api.requests.setStage, { ...stale, stage: "planning" }),
      () => w.mutation(api.requests.writePlan, { ...stale, text: "Mine", done: true }),
      () => w.mutation(api.requests.saveContext, { ...stale, facts: [] }),
      () =>
        w.mutation(api.requests.saveNumber, { ...stale, number: { phone: "+14155550134", source: "owner" } }),
      () => w.mutation(api.requests.ask, { ...stale, question: "Why?", deadline: Date.now() + 1_000 }),
      () =>
        w.mutation(api.requests.needInput, {
          ...stale,
          question: "Why?",
          deadline: Date.now() + 1_000,
          summary: "x",
        }),
      () => w.mutation(api.requests.release, { ...stale, reason: "x" }),
      () => w.mutation(api.requests.finish, { ...stale, status: "completed", outcome: done() }),
      () => w.mutation(api.facts.offer, { ...stale, facts: [] }),
      () => w.query(api.requests.material, stale),
      () => begin(w, stale),
    ];
    for (const write of writes) await expectFailure(write(), "LEASE_LOST", "token");
    expect(await requestRow(t, requestId)).toEqual(before);
  });

  test("lost with a call going on: the request ends as interrupted, and the call is listed for hang-up", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId, callSid } = await onCall(t);
    await w.mutation(api.transcript.append, { callId, token, lines: [line(0)] });
    expect(await w.query(api.calls.orphans, { workerId: "kitchen" })).toEqual([]);
    await pass(t, LEASE_MS);
    expect(await requestRow(t, requestId)).toMatchObject({
      status: "failed",
      outcome: { kind: "interrupted" },
    });
    const orphan = { callId, requestId, callSid, to: "+14155550134" };
    expect(await w.query(api.calls.orphans, { workerId: "kitchen" })).toMatchObject([orphan]);
    // Its own worker is alive as far as anybody knows, so nobody else hangs up yet.
    const attic = await worker(t, "attic");
    expect(await attic.query(api.calls.orphans, { workerId: "attic" })).toEqual([]);
    await pass(t, LEASE_MS + 1_000);
    await t.mutation(internal.workers.sweep, {});
    expect(await attic.query(api.calls.orphans, { workerId: "attic" })).toMatchObject([orphan]);
    await attic.mutation(api.calls.resolveOrphan, { callId, endReason: "hung-up" });
    expect(await attic.query(api.calls.orphans, { workerId: "attic" })).toEqual([]);
    // What that worker still has to say about its call is kept.
    await w.mutation(api.transcript.append, { callId, token, lines: [line(0), line(1)] });
    const shown = await p.query(api.requests.show, { requestId });
    expect(shown.transcript).toHaveLength(2);
    expect(shown.request.status).toBe("failed");
  });

  test("lost after its call had ended, but before the outcome: never dialled again by itself", async () => {
    const t = floyd();
    const { w, requestId, token, callId } = await onCall(t);
    await w.mutation(api.calls.end, { callId, token, endReason: "goodbye" });
    await pass(t, LEASE_MS);
    expect(await requestRow(t, requestId)).toMatchObject({
      status: "failed",
      outcome: { kind: "interrupted" },
    });
    expect(await w.query(api.requests.pending, {})).toEqual([]);
    expect(await w.query(api.calls.orphans, { workerId: "kitchen" })).toEqual([]);
  });

  test("lost after an earlier lease's call: what that call has settled does not count against it", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    await w.mutation(api.calls.end, { callId, token, endReason: "callBack" });
    const question = {
      question: "Which day?",
      deadline: Date.now() + 600_000,
      summary: "They ask which day.",
    };
    await w.mutation(api.requests.needInput, { requestId, token, ...question });
    await p.mutation(api.questions.answer, { id: requestId, text: "Friday" });
    await claim(w, "token-2");
    await pass(t, LEASE_MS);
    expect((await requestRow(t, requestId)).status).toBe("pending");
  });

  test("ends at once when its worker starts anew", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    await worker(t, "attic");
    expect((await requestRow(t, requestId)).status).toBe("inFlight");
    await worker(t, "kitchen", "start-2");
    expect((await requestRow(t, requestId)).status).toBe("pending");
    await expectFailure(w.query(api.requests.material, { requestId, token }), "LEASE_LOST", "token");
    expect(await w.query(api.workers.inbox, { workerId: "kitchen" })).toEqual({
      leases: [],
      questions: [],
      calls: [],
      drain: false,
    });
  });

  test("of a call, likewise: failed as interrupted, never dialled again by itself", async () => {
    const t = floyd();
    const { w, requestId, callId } = await onCall(t);
    await worker(t, "kitchen", "start-2");
    expect(await requestRow(t, requestId)).toMatchObject({
      status: "failed",
      outcome: { kind: "interrupted" },
    });
    expect(await w.query(api.calls.orphans, { workerId: "kitchen" })).toMatchObject([{ callId }]);
    expect(await claim(w, "token-2", "kitchen", "start-2")).toBeNull();
  });

  test("a request that stops every worker comes to an end", async () => {
    const t = floyd();
    const { requestId } = await inFlight(t);
    for (let start = 2; start <= MAX_LOST_LEASES + 1; start++) {
      const w = await worker(t, "kitchen", `start-${start}`);
      await claim(w, `token-${start}`, "kitchen", `start-${start}`);
    }
    expect(await requestRow(t, requestId)).toMatchObject({ status: "failed", outcome: { kind: "error" } });
  });

  test("cancelled: it vanishes from the inbox, and the call's last words are kept", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    expect((await w.query(api.workers.inbox, { workerId: "kitchen" })).leases).toEqual([
      { requestId, token },
    ]);
    await p.mutation(api.requests.cancel, { requestId });
    expect((await w.query(api.workers.inbox, { workerId: "kitchen" })).leases).toEqual([]);
    expect(await beat(w, [{ requestId, token }])).toEqual({ lost: [requestId] });
    await w.mutation(api.transcript.append, { callId, token, lines: [line(0)] });
    await w.mutation(api.calls.end, { callId, token, endReason: "cancelled" });
    const shown = await p.query(api.requests.show, { requestId });
    expect(shown).toMatchObject({ request: { status: "cancelled" }, calls: [{ endReason: "cancelled" }] });
    expect(shown.transcript).toHaveLength(1);
  });

  test("is kept for a week after its end, then forgotten; live ones stay", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    await w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome: done() });
    await p.mutation(api.requests.create, { text: "Another" });
    await claim(w, "token-2");
    const tokens = () =>
      t.run(async (ctx) => (await ctx.db.query("leases").collect()).map((lease) => lease.token));
    await t.mutation(internal.expiry.forgetLeases, {});
    expect(await tokens()).toEqual(["token-1", "token-2"]);
    vi.setSystemTime(Date.now() + 8 * 24 * 60 * 60 * 1000);
    await t.mutation(internal.expiry.forgetLeases, {});
    expect(await tokens()).toEqual(["token-2"]);
  });
});

describe("workers", () => {
  test("that fall silent are marked as stopped; a heartbeat brings them back", async () => {
    const t = floyd();
    const w = await worker(t);
    const status = () => t.run(async (ctx) => (await ctx.db.query("workers").unique())?.status);
    await pass(t, LEASE_MS);
    await t.mutation(internal.workers.sweep, {});
    expect(await status()).toBe("running");
    await pass(t, LEASE_MS + 1_000);
    await t.mutation(internal.workers.sweep, {});
    expect(await status()).toBe("stopped");
    await beat(w, []);
    expect(await status()).toBe("running");
  });
});
