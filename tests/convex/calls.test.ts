// @vitest-environment edge-runtime
import { describe, expect, test } from "vitest";
import { api } from "../../convex/_generated/api";
import { MAX_ATTEMPTS, MAX_LINES_AT_ONCE } from "../../convex/input";
import { begin, claim, done, expectFailure, floyd, inFlight, line, onCall, service, worker } from "./floyd";

describe("never two calls for one request", () => {
  test("a second is refused until the first has ended", async () => {
    const t = floyd();
    const { w, requestId, token, callId } = await onCall(t);
    await expectFailure(begin(w, { requestId, token }, "hash-2"), "CONFLICT", "requestId");
    await w.mutation(api.calls.end, { callId, token, endReason: "no-answer" });
    expect(await begin(w, { requestId, token }, "hash-2")).toMatchObject({ attempt: 2 });
  });

  test("two that begin at once are one", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    const both = await Promise.allSettled([
      begin(w, { requestId, token }, "hash-1"),
      begin(w, { requestId, token }, "hash-2"),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test("not even by another worker, after an answer brought the request back", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    await w.mutation(api.requests.needInput, {
      requestId,
      token,
      question: "Which class?",
      deadline: Date.now() + 60_000,
      summary: "They asked which class.",
    });
    await p.mutation(api.questions.answer, { id: requestId, text: "4B" });
    const attic = await worker(t, "attic");
    await claim(attic, "token-2", "attic");
    await expectFailure(begin(attic, { requestId, token: "token-2" }, "hash-2"), "CONFLICT", "requestId");
    await attic.mutation(api.calls.carrierStatus, {
      callId,
      callSid: "CA0001",
      status: "completed",
      at: Date.now(),
    });
    expect(await begin(attic, { requestId, token: "token-2" }, "hash-2")).toMatchObject({ attempt: 2 });
  });

  test("nor a request that is given back, or asks, while its call goes on", async () => {
    const t = floyd();
    const { w, requestId, token } = await onCall(t);
    const release = w.mutation(api.requests.release, { requestId, token, reason: "draining" });
    await expectFailure(release, "CONFLICT");
    const ask = w.mutation(api.requests.ask, {
      requestId,
      token,
      question: "?",
      deadline: Date.now() + 1000,
    });
    await expectFailure(ask, "CONFLICT");
  });

  test("nor without end", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const { callId } = await begin(w, { requestId, token }, `hash-${attempt}`);
      await w.mutation(api.calls.end, { callId, token, endReason: "busy" });
    }
    await expectFailure(begin(w, { requestId, token }, "hash-more"), "POLICY_BLOCKED", "requestId");
  });
});

describe("the carrier's word", () => {
  const at = Date.now();

  test("only moves a call forward, in whatever order it comes", async () => {
    const t = floyd();
    const { p, w, requestId, callId, callSid } = await onCall(t);
    const say = (status: "initiated" | "ringing" | "answered" | "completed", when = at) =>
      w.mutation(api.calls.carrierStatus, { callId, callSid, status, at: when, answeredBy: "human" });
    const call = async () => (await p.query(api.requests.show, { requestId })).calls[0];
    await say("answered", at + 5);
    expect(await call()).toMatchObject({ status: "answered", answeredAt: at + 5, answeredBy: "human" });
    await say("ringing");
    await say("initiated");
    expect(await call()).toMatchObject({ status: "answered" });
    await say("completed", at + 9);
    expect(await call()).toMatchObject({ status: "ended", endReason: "completed", endedAt: at + 9 });
    await say("answered");
    expect(await call()).toMatchObject({ status: "ended", answeredAt: at + 5 });
  });

  test("gives way to the worker's, which knows more, and does not replace it", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId, callSid } = await onCall(t);
    const reason = async () => (await p.query(api.requests.show, { requestId })).calls[0]?.endReason;
    const completed = { callId, callSid, status: "completed" as const, at };
    await w.mutation(api.calls.carrierStatus, completed);
    await w.mutation(api.calls.end, { callId, token, endReason: "goodbye" });
    expect(await reason()).toBe("goodbye");
    await w.mutation(api.calls.carrierStatus, completed);
    await w.mutation(api.calls.end, { callId, token, endReason: "something else" });
    expect(await reason()).toBe("goodbye");
  });

  test("may come before the worker has written the sid, but not under another", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    const { callId } = await begin(w, { requestId, token });
    await w.mutation(api.calls.carrierStatus, { callId, callSid: "CA1", status: "ringing", at });
    await w.mutation(api.calls.dialed, { callId, token, callSid: "CA1" });
    const other = { callId, callSid: "CA2", status: "completed" as const, at };
    await expectFailure(w.mutation(api.calls.carrierStatus, other), "FORBIDDEN", "callSid");
    await expectFailure(
      w.mutation(api.calls.dialed, { callId, token, callSid: "CA2" }),
      "FORBIDDEN",
      "callSid",
    );
  });

  test("comes in epoch milliseconds", async () => {
    const { w, callId, callSid } = await onCall(floyd());
    for (const wrong of [at / 1000, at * 1000, Number.NaN, -1]) {
      const callback = { callId, callSid, status: "ringing" as const, at: wrong };
      await expectFailure(w.mutation(api.calls.carrierStatus, callback), "BAD_INPUT", "at");
    }
  });
});

describe("the media socket", () => {
  test("gets in once, with the right token, while the call is on", async () => {
    const t = floyd();
    const { w, callId, callSid, token } = await onCall(t);
    const open = (tokenHash: string, sid = callSid) =>
      w.mutation(api.calls.openMedia, { callId, callSid: sid, tokenHash });
    await expectFailure(open("wrong"), "FORBIDDEN", "tokenHash");
    await expectFailure(open("hash-1", "CA9"), "FORBIDDEN", "callSid");
    await open("hash-1");
    await expectFailure(open("hash-1"), "FORBIDDEN", "tokenHash");
    await w.mutation(api.calls.end, { callId, token, endReason: "done" });
  });

  test("does not get in after the call", async () => {
    const t = floyd();
    const { w, callId, callSid, token } = await onCall(t);
    await w.mutation(api.calls.end, { callId, token, endReason: "done" });
    const late = w.mutation(api.calls.openMedia, { callId, callSid, tokenHash: "hash-1" });
    await expectFailure(late, "FORBIDDEN", "callId");
  });
});

describe("orphans", () => {
  test("are calls whose lease has ended; a call in somebody's charge is none", async () => {
    const t = floyd();
    const { p, w, requestId, callId } = await onCall(t);
    const resolve = () => w.mutation(api.calls.resolveOrphan, { callId, endReason: "hung-up" });
    await expectFailure(resolve(), "CONFLICT", "callId");
    await p.mutation(api.requests.cancel, { requestId });
    expect(await w.query(api.calls.orphans, { workerId: "kitchen" })).toMatchObject([{ callId }]);
    await resolve();
    expect(await w.query(api.calls.orphans, { workerId: "kitchen" })).toEqual([]);
  });
});

describe("the transcript", () => {
  test("is in order from 0 without gaps; what is known is skipped", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await onCall(t);
    const append = (...lines: ReturnType<typeof line>[]) =>
      w.mutation(api.transcript.append, { callId, token, lines });
    await expectFailure(append(line(1)), "BAD_INPUT", "lines.seq");
    await append(line(0), line(1));
    await append(line(1, "changed?"), line(2));
    await expectFailure(append(line(3), line(5)), "BAD_INPUT", "lines.seq");
    await expectFailure(append(line(-1)), "BAD_INPUT", "lines.seq");
    await expectFailure(append(line(3.5)), "BAD_INPUT", "lines.seq");
    const { transcript } = await p.query(api.requests.show, { requestId });
    expect(transcript.map(({ seq, text }) => [seq, text])).toEqual([
      [0, "line 0"],
      [1, "line 1"],
      [2, "line 2"],
    ]);
  });

  test("keeps a line that was interrupted before a word was heard, and what was meant", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await onCall(t);
    const cut = { ...line(0, ""), interrupted: true, intended: "Could you tell me" };
    await w.mutation(api.transcript.append, { callId, token, lines: [cut] });
    const { transcript } = await p.query(api.requests.show, { requestId });
    expect(transcript).toMatchObject([{ text: "", interrupted: true, intended: "Could you tell me" }]);
  });

  test("takes a bounded piece at once", async () => {
    const { w, callId, token } = await onCall(floyd());
    const lines = Array.from({ length: MAX_LINES_AT_ONCE + 1 }, (_, seq) => line(seq));
    await expectFailure(w.mutation(api.transcript.append, { callId, token, lines }), "BAD_INPUT", "lines");
  });

  test("is written by whoever made the call, and by nobody else", async () => {
    const t = floyd();
    const { w, callId } = await onCall(t);
    const append = w.mutation(api.transcript.append, { callId, token: "guess", lines: [line(0)] });
    await expectFailure(append, "LEASE_LOST", "token");
  });

  test("is shown by attempt, then in order, the newest thousand lines", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    const append = async (call: typeof callId, from: number, count: number) => {
      for (let seq = from; seq < from + count; seq += 100) {
        const lines = Array.from({ length: 100 }, (_, i) => line(seq + i));
        await w.mutation(api.transcript.append, { callId: call, token, lines });
      }
    };
    await append(callId, 0, 600);
    await w.mutation(api.calls.end, { callId, token, endReason: "dropped" });
    const second = await begin(w, { requestId, token }, "hash-2");
    await append(second.callId, 0, 600);
    const { transcript } = await p.query(api.requests.show, { requestId });
    expect(transcript).toHaveLength(1000);
    expect(transcript[0]).toMatchObject({ callId, seq: 200 });
    expect(transcript[399]).toMatchObject({ callId, seq: 599 });
    expect(transcript[400]).toMatchObject({ callId: second.callId, seq: 0 });
    expect(transcript[999]).toMatchObject({ callId: second.callId, seq: 599 });
  });
});

describe("live words and turns", () => {
  test("one row per call, overwritten, gone with the call", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await onCall(t);
    const say = (text: string) => w.mutation(api.live.set, { callId, token, speaker: "callee", text });
    const live = async () => (await p.query(api.requests.show, { requestId })).live.map((row) => row.text);
    await say("Linc");
    await say("Lincoln Elem");
    expect(await live()).toEqual(["Lincoln Elem"]);
    await say("");
    expect(await live()).toEqual([]);
    await say("Bye");
    await w.mutation(api.calls.end, { callId, token, endReason: "done" });
    expect(await live()).toEqual([]);
    await say("late");
    expect(await live()).toEqual([]);
  });

  test("a turn's later moments are added to it", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await onCall(t);
    const turn = { turn: 0, speechEndedAt: Date.now(), firstToken: 300, interrupted: false };
    await w.mutation(api.turns.record, { callId, token, turns: [turn] });
    await w.mutation(api.turns.record, {
      callId,
      token,
      turns: [{ ...turn, firstPlayed: 900, totalMs: 900 }],
    });
    const { turns } = await p.query(api.requests.show, { requestId });
    expect(turns).toMatchObject([{ turn: 0, firstToken: 300, firstPlayed: 900 }]);
  });
});

describe("the outcome", () => {
  test("is confirmed only by lines that are in the transcript", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await onCall(t);
    await w.mutation(api.transcript.append, { callId, token, lines: [line(0), line(1)] });
    await w.mutation(api.calls.end, { callId, token, endReason: "done" });
    const reported = [
      { text: "They noted it", callId, lines: [1, 1, 99], confirmed: false },
      { text: "They were happy", lines: [42], confirmed: true },
      { text: "By the last call", lines: [0], confirmed: true },
    ];
    const outcome = { ...done(), reported };
    await w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome });
    const { request } = await p.query(api.requests.show, { requestId });
    expect(request.outcome?.reported).toEqual([
      { text: "They noted it", callId, lines: [1], confirmed: true },
      { text: "They were happy", callId, lines: [], confirmed: false },
      { text: "By the last call", callId, lines: [0], confirmed: true },
    ]);
  });

  test("cannot rest on another request's call", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await onCall(t);
    await w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome: done() });
    const other = await p.mutation(api.requests.create, { text: "Another" });
    await claim(service(t), "token-2");
    const reported = [{ text: "They said so", callId, lines: [0], confirmed: true }];
    const finish = w.mutation(api.requests.finish, {
      requestId: other,
      token: "token-2",
      status: "completed",
      outcome: { ...done(), reported },
    });
    await expectFailure(finish, "BAD_INPUT", "callId");
  });
});
