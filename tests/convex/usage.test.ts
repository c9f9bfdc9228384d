// @vitest-environment edge-runtime
import { afterEach, describe, expect, test, vi } from "vitest";
import { api } from "../../convex/_generated/api";
import { costOf, pricesOf } from "../../convex/pricing";
import { expectFailure, floyd, onCall } from "./floyd";

const USAGE = {
  promptTokens: 10_000,
  completionTokens: 500,
  speechChars: 1_200,
  recognisedSeconds: 60,
  seconds: 90,
};

afterEach(() => void vi.unstubAllEnvs());

describe("the cost of a call", () => {
  test("is the sum of its parts, as far as there are prices", () => {
    const cost = costOf(USAGE, { promptTokens: 0.125, seconds: 0.5 });
    expect(cost).toEqual({ usd: 1_295, parts: { promptTokens: 1_250, seconds: 45 } });
    expect(costOf(USAGE, { speechChars: 0 })).toEqual({ usd: 0, parts: { speechChars: 0 } });
    expect(costOf(USAGE, {})).toBeUndefined();
  });

  test.each([
    [undefined, {}],
    ["", {}],
    ["{", {}],
    ["null", {}],
    ["7", {}],
    ['"seconds"', {}],
    ['["seconds"]', {}],
    ['{"seconds": 0.01, "minutes": 3}', { seconds: 0.01 }],
    ['{"seconds": "0.01", "promptTokens": -1, "speechChars": null}', {}],
    ['{"seconds": 1e999}', {}],
    ['{"__proto__": {"seconds": 1}}', {}],
  ])("prices written as %j are %j", (json, prices) => expect(pricesOf(json)).toEqual(prices));

  test("is shown with the call when the deployment knows prices, and the usage anyway", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await onCall(t);
    const call = async () => (await p.query(api.requests.show, { requestId })).calls[0];
    vi.stubEnv("FLOYD_PRICES", '{"promptTokens": 0.000001, "speechChars": 0.00001}');
    expect((await call())?.cost).toBeUndefined();
    await w.mutation(api.calls.saveUsage, { callId, token, usage: { ...USAGE, promptTokens: 1 } });
    await w.mutation(api.calls.saveUsage, { callId, token, usage: USAGE });
    const shown = await call();
    expect(shown?.usage).toEqual(USAGE);
    expect(shown?.cost?.usd).toBeCloseTo(0.022, 12);
    vi.stubEnv("FLOYD_PRICES", "not JSON");
    expect(await call()).toMatchObject({ usage: USAGE });
    expect((await call())?.cost).toBeUndefined();
  });
});

describe("the usage of a call", () => {
  test("is written by its worker, also after the call and the lease have ended", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await onCall(t);
    await p.mutation(api.requests.cancel, { requestId });
    await w.mutation(api.calls.end, { callId, token, endReason: "cancelled" });
    await w.mutation(api.calls.saveUsage, { callId, token, usage: USAGE });
    expect((await p.query(api.requests.show, { requestId })).calls).toMatchObject([{ usage: USAGE }]);
    const other = w.mutation(api.calls.saveUsage, { callId, token: "guess", usage: USAGE });
    await expectFailure(other, "LEASE_LOST", "token");
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("is not %d of anything", async (wrong) => {
    const { w, callId, token } = await onCall(floyd());
    for (const unit of Object.keys(USAGE)) {
      const save = w.mutation(api.calls.saveUsage, { callId, token, usage: { ...USAGE, [unit]: wrong } });
      await expectFailure(save, "BAD_INPUT", `usage.${unit}`);
    }
  });
});
