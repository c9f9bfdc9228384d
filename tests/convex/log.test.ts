// @vitest-environment edge-runtime
import { afterEach, describe, expect, test, vi } from "vitest";
import { api } from "../../convex/_generated/api";
import { log } from "../../convex/log";
import { done, floyd, line, onCall, person, worker } from "./floyd";

afterEach(() => void vi.restoreAllMocks());

function listen(): () => string[] {
  const spy = vi.spyOn(console, "log").mockImplementation(() => undefined);
  return () => spy.mock.calls.map((args) => args.join(" "));
}

describe("the log", () => {
  test("tells the story of a call in a line per event", async () => {
    const lines = listen();
    const t = floyd();
    const { w, requestId, token, callId } = await onCall(t);
    await w.mutation(api.calls.end, { callId, token, endReason: "done" });
    await w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome: done() });
    expect(lines()).toEqual([
      "floyd worker worker=kitchen status=running",
      `floyd claim request=${requestId} worker=kitchen attempt=1`,
      `floyd transition request=${requestId} from=pending to=inFlight by=claim`,
      `floyd dial request=${requestId} call=${callId} worker=kitchen attempt=1`,
      `floyd transition request=${requestId} from=inFlight to=completed by=finish`,
      `floyd outcome request=${requestId} status=completed kind=done`,
    ]);
  });

  test("tells of a lost lease", async () => {
    const lines = listen();
    const t = floyd();
    const { requestId } = await onCall(t);
    await worker(t, "kitchen", "start-2");
    expect(lines()).toContain(`floyd lease-lost request=${requestId} worker=kitchen by=replaced`);
    expect(lines()).toContain(`floyd outcome request=${requestId} status=failed kind=interrupted`);
  });

  test("tells what a person has changed, but not to what", async () => {
    const lines = listen();
    const p = await person(floyd());
    const requestId = await p.mutation(api.requests.create, { text: "Call the school" });
    const at = Date.parse("2100-01-01T09:00Z");
    await p.mutation(api.requests.edit, { requestId, text: "Call the florist" });
    vi.useFakeTimers({ toFake: ["Date"], now: at - 3_600_000 });
    await p.mutation(api.requests.callAt, { requestId, at });
    vi.useRealTimers();
    expect(lines()).toEqual([
      `floyd edit request=${requestId}`,
      `floyd call-at request=${requestId} at=2100-01-01T09:00:00.000Z`,
    ]);
  });

  test("holds no token, no number, and nothing that anybody said", async () => {
    const lines = listen();
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    await p.mutation(api.facts.add, { text: "Mara is allergic to nuts" });
    await w.mutation(api.transcript.append, { callId, token, lines: [line(0, "Mara is ill")] });
    const asked = { requestId, token, callId, question: "Is Mara better?", deadline: Date.now() + 60_000 };
    await w.mutation(api.requests.ask, asked);
    await p.mutation(api.questions.answer, { id: requestId, text: "Mara has a fever" });
    await w.mutation(api.calls.end, { callId, token, endReason: "Mara hung up" });
    await w.mutation(api.requests.release, { requestId, token, reason: "Mara said so" });
    const story = lines().join("\n");
    expect(story).toContain("to=pending by=release");
    for (const secret of ["Mara", "fever", token, "hash-1", "555", "nuts"])
      expect(story).not.toContain(secret);
  });

  test("keeps an event on one line, whatever is in it", () => {
    const lines = listen();
    log("outcome", {
      request: "r1",
      reason: "two\nlines floyd claim request=r2",
      kind: undefined,
      attempt: 3,
    });
    expect(lines()).toEqual(["floyd outcome request=r1 reason=(text) attempt=3"]);
  });
});
