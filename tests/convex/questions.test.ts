// @vitest-environment edge-runtime
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../convex/_generated/api";
import { claim, done, expectFailure, type Floyd, floyd, inFlight, line, onCall, requestRow } from "./floyd";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function pass(t: Floyd, ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await t.finishInProgressScheduledFunctions();
}

const MINUTE = 60_000;

/** A request that waits for its owner. */
async function waiting(t: Floyd) {
  const flight = await inFlight(t);
  const { requestId, token } = flight;
  const question = "What is the budget?";
  const deadline = Date.now() + 10 * MINUTE;
  const questionId = await flight.w.mutation(api.requests.ask, { requestId, token, question, deadline });
  return { ...flight, questionId };
}

describe("a question before a call", () => {
  test("ends the lease; the answer makes the request pending, and is there for the next worker", async () => {
    const t = floyd();
    const { p, w, requestId, questionId, token } = await waiting(t);
    expect(await requestRow(t, requestId)).toMatchObject({ status: "needsInput" });
    await expectFailure(w.query(api.requests.material, { requestId, token }), "LEASE_LOST");
    expect(await p.query(api.questions.open, {})).toMatchObject([{ _id: questionId }]);
    await p.mutation(api.questions.answer, { id: questionId, text: "  Sixty dollars\u0000 " });
    expect(await requestRow(t, requestId)).toMatchObject({ status: "pending" });
    expect(await p.query(api.questions.open, {})).toEqual([]);
    await claim(w, "token-2");
    const material = await w.query(api.requests.material, { requestId, token: "token-2" });
    expect(material.answers).toEqual([{ question: "What is the budget?", answer: "Sixty dollars" }]);
  });

  test("can be answered by the request's id", async () => {
    const t = floyd();
    const { p, requestId } = await waiting(t);
    await p.mutation(api.questions.answer, { id: requestId, text: "Sixty" });
    expect(await requestRow(t, requestId)).toMatchObject({ status: "pending" });
  });

  test("answered twice: the same answer changes nothing, another one is refused", async () => {
    const t = floyd();
    const { p, requestId, questionId } = await waiting(t);
    await p.mutation(api.questions.answer, { id: questionId, text: "Sixty" });
    const before = await requestRow(t, requestId);
    await p.mutation(api.questions.answer, { id: questionId, text: "Sixty" });
    await p.mutation(api.questions.answer, { id: requestId, text: "Sixty" });
    expect(await requestRow(t, requestId)).toEqual(before);
    await expectFailure(p.mutation(api.questions.answer, { id: questionId, text: "Ten" }), "CONFLICT", "id");
    await expectFailure(p.mutation(api.questions.answer, { id: requestId, text: "Ten" }), "CONFLICT", "id");
  });

  test("that nobody answers in time ends the request", async () => {
    const t = floyd();
    const { p, requestId, questionId } = await waiting(t);
    await pass(t, 10 * MINUTE - 1);
    expect(await requestRow(t, requestId)).toMatchObject({ status: "needsInput" });
    await pass(t, 1);
    const row = await requestRow(t, requestId);
    expect(row).toMatchObject({ status: "failed", outcome: { kind: "needsInput" } });
    expect(row.outcome?.summary).toContain("What is the budget?");
    const late = p.mutation(api.questions.answer, { id: questionId, text: "Sixty" });
    expect(await expectFailure(late, "CONFLICT", "id")).toContain("expired");
  });

  test("that is answered in time does not end it later", async () => {
    const t = floyd();
    const { p, requestId, questionId } = await waiting(t);
    await p.mutation(api.questions.answer, { id: questionId, text: "Sixty" });
    await pass(t, 20 * MINUTE);
    expect(await requestRow(t, requestId)).toMatchObject({ status: "pending" });
  });

  test("goes with the request when that is cancelled", async () => {
    const t = floyd();
    const { p, requestId, questionId } = await waiting(t);
    await p.mutation(api.requests.cancel, { requestId });
    const { questions } = await p.query(api.requests.show, { requestId });
    expect(questions).toMatchObject([{ _id: questionId, status: "cancelled" }]);
    await pass(t, 20 * MINUTE);
    expect(await requestRow(t, requestId)).toMatchObject({ status: "cancelled" });
  });

  test("has a deadline in epoch milliseconds, within 30 days", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    for (const deadline of [
      Date.now() / 1000,
      Number.POSITIVE_INFINITY,
      Date.now() + 31 * 24 * 60 * MINUTE,
    ]) {
      const ask = w.mutation(api.requests.ask, { requestId, token, question: "Why?", deadline });
      await expectFailure(ask, "BAD_INPUT", "deadline");
    }
  });
});

describe("a question while somebody holds the line", () => {
  async function holding(t: Floyd) {
    const call = await onCall(t);
    const { requestId, token, callId } = call;
    const deadline = Date.now() + 45_000;
    const asked = { requestId, token, callId, question: "Which class?", deadline };
    const questionId = await call.w.mutation(api.requests.ask, asked);
    const inbox = async () => (await call.w.query(api.workers.inbox, { workerId: "kitchen" })).questions;
    return { ...call, questionId, inbox };
  }

  test("keeps the request inFlight; the answer comes through the inbox", async () => {
    const t = floyd();
    const { p, requestId, callId, questionId, inbox } = await holding(t);
    expect(await inbox()).toEqual([{ questionId, requestId, callId, status: "open" }]);
    await p.mutation(api.questions.answer, { id: requestId, text: "4B" });
    expect(await inbox()).toEqual([{ questionId, requestId, callId, status: "answered", answer: "4B" }]);
    expect(await requestRow(t, requestId)).toMatchObject({ status: "inFlight" });
  });

  test("expires into the inbox, and leaves the request alone", async () => {
    const t = floyd();
    const { requestId, callId, questionId, inbox } = await holding(t);
    await pass(t, 45_000);
    expect(await inbox()).toEqual([{ questionId, requestId, callId, status: "expired" }]);
    expect(await requestRow(t, requestId)).toMatchObject({ status: "inFlight" });
  });

  test("becomes the question of the call-back, with a new deadline", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId, questionId } = await holding(t);
    await w.mutation(api.transcript.append, {
      callId,
      token,
      lines: [line(0, "Hi"), line(1, "Which class?")],
    });
    await w.mutation(api.calls.end, { callId, token, endReason: "call-back" });
    const again = await w.mutation(api.requests.needInput, {
      requestId,
      token,
      question: "Which class?",
      deadline: Date.now() + 10 * MINUTE,
      summary: "The school wants to know the class.",
      reported: [{ text: "They need the class", callId, lines: [1], confirmed: false }],
    });
    expect(again).toBe(questionId);
    await pass(t, MINUTE);
    expect(await requestRow(t, requestId)).toMatchObject({
      status: "needsInput",
      outcome: {
        kind: "needsInput",
        summary: "The school wants to know the class.",
        reported: [{ text: "They need the class", callId, lines: [1], confirmed: true }],
      },
    });
    await p.mutation(api.questions.answer, { id: requestId, text: "4B" });
    await claim(w, "token-2");
    const material = await w.query(api.requests.material, { requestId, token: "token-2" });
    expect(material.earlier).toEqual([
      {
        attempt: 1,
        to: "+14155550134",
        outcome: "call-back",
        transcript: [
          { speaker: "floyd", text: "Hi", seq: 0 },
          { speaker: "callee", text: "Which class?", seq: 1 },
        ],
      },
    ]);
    expect(material.answers).toEqual([{ question: "Which class?", answer: "4B" }]);
  });

  test("is cancelled when the request ends without it", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await holding(t);
    await w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome: done() });
    const { questions } = await p.query(api.requests.show, { requestId });
    expect(questions).toMatchObject([{ status: "cancelled" }]);
    await expectFailure(p.mutation(api.questions.answer, { id: requestId, text: "4B" }), "CONFLICT", "id");
  });

  test("one of two has to be named", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId, questionId, inbox } = await holding(t);
    const deadline = Date.now() + 45_000;
    await w.mutation(api.requests.ask, { requestId, token, callId, question: "Which teacher?", deadline });
    await expectFailure(p.mutation(api.questions.answer, { id: requestId, text: "4B" }), "CONFLICT", "id");
    await p.mutation(api.questions.answer, { id: questionId, text: "4B" });
    await p.mutation(api.questions.answer, { id: requestId, text: "Ms. Ortiz" });
    expect((await inbox()).map(({ answer }) => answer)).toEqual(["4B", "Ms. Ortiz"]);
  });

  test("needs a call that is going on", async () => {
    const t = floyd();
    const { w, requestId, token, callId } = await onCall(t);
    await w.mutation(api.calls.end, { callId, token, endReason: "dropped" });
    const asked = { requestId, token, callId, question: "Which?", deadline: Date.now() + 1_000 };
    await expectFailure(w.mutation(api.requests.ask, asked), "CONFLICT", "callId");
  });
});

describe("an answer", () => {
  test("needs a question that exists, and words", async () => {
    const t = floyd();
    const { p, questionId } = await waiting(t);
    await expectFailure(p.mutation(api.questions.answer, { id: "nonsense", text: "x" }), "NOT_FOUND", "id");
    await expectFailure(
      p.mutation(api.questions.answer, { id: questionId, text: " \n" }),
      "BAD_INPUT",
      "text",
    );
    const long = "x".repeat(20_000);
    await expectFailure(
      p.mutation(api.questions.answer, { id: questionId, text: long }),
      "BAD_INPUT",
      "text",
    );
  });
});

describe("by SMS", () => {
  async function texting(t: Floyd) {
    const flight = await inFlight(t);
    await flight.p.mutation(api.users.update, { phone: "+14155550100" });
    const { requestId, token } = flight;
    const asked = { requestId, token, question: "What is the budget?", deadline: Date.now() + 10 * MINUTE };
    await flight.w.mutation(api.requests.ask, asked);
    const receive = (body: string, sid: string, from = "+14155550100") =>
      flight.w.mutation(api.messages.receive, { from, to: "+14155550199", body, sid });
    return { ...flight, receive };
  }

  test("the question goes to the owner's phone, and the reply answers it", async () => {
    const t = floyd();
    const { w, requestId, receive } = await texting(t);
    const [message] = await w.query(api.messages.outbox, {});
    expect(message).toMatchObject({ to: "+14155550100" });
    expect(message?.body).toContain("What is the budget?");
    expect(await receive("Sixty dollars", "SM1")).toEqual({ answered: true });
    expect(await requestRow(t, requestId)).toMatchObject({ status: "pending" });
  });

  test("a question that is settled is not sent any more", async () => {
    const t = floyd();
    const { p, w, requestId } = await texting(t);
    await p.mutation(api.questions.answer, { id: requestId, text: "Sixty" });
    expect(await w.query(api.messages.outbox, {})).toEqual([]);
  });

  test("what cannot be sent is marked, and not tried for ever", async () => {
    const t = floyd();
    const { w } = await texting(t);
    const [message] = await w.query(api.messages.outbox, {});
    if (message === undefined) throw new Error("no message was queued");
    await w.mutation(api.messages.sent, { messageId: message.messageId, error: "30003 unreachable" });
    expect(await w.query(api.messages.outbox, {})).toEqual([]);
  });

  test("a stranger's message, and one with nothing asked, answer nothing", async () => {
    const t = floyd();
    const { p, requestId, receive } = await texting(t);
    expect(await receive("Sixty", "SM1", "+14155550111")).toEqual({ answered: false });
    expect(await receive("Sixty", "SM2", "Acme Bank")).toEqual({ answered: false });
    expect(await requestRow(t, requestId)).toMatchObject({ status: "needsInput" });
    await p.mutation(api.requests.cancel, { requestId });
    expect(await receive("Hello?", "SM3")).toEqual({ answered: false });
  });

  test("a reply while two questions are open answers neither", async () => {
    const t = floyd();
    const { p, w, receive } = await texting(t);
    const second = await p.mutation(api.requests.create, { text: "Another" });
    await claim(w, "token-2");
    const asked = { requestId: second, token: "token-2", question: "When?", deadline: Date.now() + MINUTE };
    await w.mutation(api.requests.ask, asked);
    expect(await receive("Sixty", "SM1")).toEqual({ answered: false });
    expect(await p.query(api.questions.open, {})).toHaveLength(2);
  });

  test("an empty message (a picture) and a very long one are kept", async () => {
    const t = floyd();
    const { receive } = await texting(t);
    expect(await receive("", "SM1")).toEqual({ answered: false });
    expect(await receive("x".repeat(5_000), "SM2")).toEqual({ answered: true });
  });
});
