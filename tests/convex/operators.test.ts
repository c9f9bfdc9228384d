// @vitest-environment edge-runtime
import { describe, expect, test, vi } from "vitest";
import { api } from "../../convex/_generated/api";
import { claim, expectFailure, floyd, ISSUER, inFlight, onCall, operator, person, worker } from "./floyd";

describe("an operator", () => {
  test("is whom Floyd's own token says, and nobody else", async () => {
    const t = floyd();
    await worker(t);
    const identity = { subject: "person:eve", name: "Eve" };
    const others = [
      await person(t),
      t.withIdentity({ ...identity, issuer: "https://clerk.example", operator: true }),
      t.withIdentity({ ...identity, issuer: ISSUER, operator: "true" }),
      t.withIdentity({ ...identity, issuer: ISSUER, operator: false }),
      t.withIdentity({ issuer: ISSUER, subject: "worker", role: "service", operator: true }),
    ];
    for (const caller of others) {
      await expectFailure(caller.query(api.workers.list, {}), "FORBIDDEN");
      const drained = caller.mutation(api.workers.drain, { workerId: "kitchen", drain: true });
      await expectFailure(drained, "FORBIDDEN");
    }
    expect(await operator(t).query(api.workers.list, {})).toHaveLength(1);
  });

  test("is told so, also by the page", async () => {
    const t = floyd();
    const ops = operator(t);
    await ops.mutation(api.users.ensure, {});
    expect(await ops.query(api.users.me, {})).toMatchObject({ name: "ops", operator: true });
    expect(await (await person(t)).query(api.users.me, {})).toMatchObject({ name: "alex", operator: false });
  });

  test("sees the workers, and no call of anybody's", async () => {
    const t = floyd();
    const { requestId, callId } = await onCall(t);
    const attic = await worker(t, "attic");
    const beat = { workerId: "attic", incarnation: "start-1", status: "draining" as const, calls: 0 };
    await attic.mutation(api.workers.heartbeat, { ...beat, leases: [] });
    const ops = operator(t);
    await ops.mutation(api.users.ensure, {});
    const seen = await ops.query(api.workers.list, {});
    expect(seen).toMatchObject([
      { workerId: "attic", status: "draining", calls: 0, maxCalls: 20, version: "0.1.0" },
      { workerId: "kitchen", status: "running" },
    ]);
    expect(JSON.stringify(seen)).not.toContain("start-1");
    await expectFailure(ops.query(api.requests.show, { requestId }), "NOT_FOUND");
    await expectFailure(ops.mutation(api.calls.hangUp, { callId }), "NOT_FOUND");
  });
});

describe("a worker that is drained", () => {
  test("gets nothing new until it may again", async () => {
    const t = floyd();
    const p = await person(t);
    const w = await worker(t);
    const ops = operator(t);
    const drain = (wanted: boolean) =>
      ops.mutation(api.workers.drain, { workerId: "kitchen", drain: wanted });
    await drain(true);
    const requestId = await p.mutation(api.requests.create, { text: "Call the school" });
    expect(await claim(w, "token-1")).toBeNull();
    expect(await ops.query(api.workers.list, {})).toMatchObject([{ workerId: "kitchen", drain: true }]);
    expect(await w.query(api.workers.inbox, { workerId: "kitchen" })).toMatchObject({ drain: true });
    const attic = await worker(t, "attic");
    expect((await claim(attic, "token-2", "attic"))?.request._id).toBe(requestId);
    const second = await p.mutation(api.requests.create, { text: "Call the florist" });
    await drain(false);
    expect(await w.query(api.workers.inbox, { workerId: "kitchen" })).toMatchObject({ drain: false });
    expect((await claim(w, "token-3"))?.request._id).toBe(second);
  });

  test("brings to an end what it has begun", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    await operator(t).mutation(api.workers.drain, { workerId: "kitchen", drain: true });
    const beat = { workerId: "kitchen", incarnation: "start-1", status: "running" as const, calls: 1 };
    const leases = [{ requestId, token }];
    expect(await w.mutation(api.workers.heartbeat, { ...beat, leases })).toEqual({ lost: [] });
    // A claim whose answer was lost is answered again.
    expect((await claim(w, token))?.request._id).toBe(requestId);
    await w.mutation(api.calls.end, { callId, token, endReason: "done" });
    expect(await operator(t).query(api.workers.list, {})).toMatchObject([{ drain: true }]);
    expect((await p.query(api.requests.show, { requestId })).request.status).toBe("inFlight");
  });

  test("takes work again when it was started anew", async () => {
    const t = floyd();
    const p = await person(t);
    await worker(t);
    await operator(t).mutation(api.workers.drain, { workerId: "kitchen", drain: true });
    const w = await worker(t, "kitchen", "start-2");
    const requestId = await p.mutation(api.requests.create, { text: "Call the school" });
    expect((await claim(w, "token-1", "kitchen", "start-2"))?.request._id).toBe(requestId);
  });

  test("has to be there, and the log says who was drained, once", async () => {
    const spy = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const t = floyd();
    await inFlight(t);
    spy.mockClear();
    const drain = (workerId: string) => operator(t).mutation(api.workers.drain, { workerId, drain: true });
    await expectFailure(drain("attic"), "NOT_FOUND", "workerId");
    await drain("kitchen");
    await drain("kitchen");
    expect(spy.mock.calls).toEqual([["floyd worker worker=kitchen drain=true"]]);
    spy.mockRestore();
  });
});
