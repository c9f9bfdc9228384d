// @vitest-environment edge-runtime
import { describe, expect, test } from "vitest";
import { api } from "../../convex/_generated/api";
import { begin, done, floyd, inFlight, line, onCall } from "./floyd";

describe("a request, from the first word to the outcome", () => {
  test("is created, claimed, prepared, called, reported and shown", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    await w.mutation(api.requests.writePlan, { requestId, token, text: "Say it.", done: true });
    const { callId, attempt } = await begin(w, { requestId, token });
    expect(attempt).toBe(1);
    await w.mutation(api.transcript.append, { callId, token, lines: [line(0), line(1)] });
    await w.mutation(api.calls.end, { callId, token, endReason: "done" });
    await w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome: done() });
    const shown = await p.query(api.requests.show, { requestId });
    expect(shown.request).toMatchObject({ status: "completed", plan: "Say it.", attempts: 1 });
    expect(shown.calls).toMatchObject([{ attempt: 1, status: "ended", endReason: "done" }]);
    expect(shown.transcript.map((said) => said.text)).toEqual(["line 0", "line 1"]);
    expect(shown.lease).toBeNull();
  });
});
