// @vitest-environment edge-runtime
import { describe, expect, test } from "vitest";
import { api, internal } from "../../convex/_generated/api";
import { MAX_REQUEST_CHARS } from "../../convex/input";
import {
  type Caller,
  type Claimed,
  claim,
  done,
  expectFailure,
  floyd,
  inFlight,
  person,
  requestRow,
  SCHOOL,
  stranger,
} from "./floyd";

const OTHER = "+14155550135";

async function prepared({ p, w, requestId, token }: Claimed & { p: Caller; w: Caller }) {
  const factId = await p.mutation(api.facts.add, { text: "Class 4B" });
  const facts = [{ factId, text: "Class 4B", sharing: "free" as const }];
  await w.mutation(api.requests.saveContext, { requestId, token, facts });
  await w.mutation(api.requests.writePlan, { requestId, token, text: "Say it.", done: true });
  const number = { phone: SCHOOL, source: "contact" as const };
  await w.mutation(api.requests.saveNumber, { requestId, token, number });
}

describe("editing", () => {
  test("changes the words and the number, and drops what was prepared for the old ones", async () => {
    const t = floyd();
    const flight = await inFlight(t);
    const { p, w, requestId, token } = flight;
    await prepared(flight);
    await w.mutation(api.requests.release, { requestId, token, reason: "draining" });
    await p.mutation(api.requests.edit, {
      requestId,
      text: " Call the florist\u0000 ",
      to: "+1 (415) 555-0135",
    });
    const row = await requestRow(t, requestId);
    expect(row).toMatchObject({ text: "Call the florist", toNumber: OTHER, status: "pending" });
    for (const field of ["plan", "planDone", "context", "number"] as const)
      expect(row[field]).toBeUndefined();
    await p.mutation(api.requests.edit, { requestId, to: null });
    expect((await requestRow(t, requestId)).toNumber).toBeUndefined();
    expect((await claim(w, "token-2"))?.request.text).toBe("Call the florist");
  });

  test("that changes nothing drops nothing", async () => {
    const t = floyd();
    const flight = await inFlight(t);
    const { p, w, requestId, token } = flight;
    await prepared(flight);
    await w.mutation(api.requests.release, { requestId, token, reason: "draining" });
    const before = await requestRow(t, requestId);
    await p.mutation(api.requests.edit, { requestId });
    await p.mutation(api.requests.edit, { requestId, text: ` ${before.text} `, to: null });
    expect(await requestRow(t, requestId)).toEqual(before);
  });

  test("while it waits for an answer keeps the question, and what was answered", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    const asked = { requestId, token, question: "Which class?", deadline: Date.now() + 60_000 };
    await w.mutation(api.requests.ask, asked);
    await p.mutation(api.requests.edit, { requestId, text: "Call the school: Mara is ill" });
    expect(await p.query(api.questions.open, {})).toMatchObject([
      { text: "Which class?", requestText: "Call the school: Mara is ill" },
    ]);
    await p.mutation(api.questions.answer, { id: requestId, text: "4B" });
    await claim(w, "token-2");
    const { answers } = await w.query(api.requests.material, { requestId, token: "token-2" });
    expect(answers).toEqual([{ question: "Which class?", answer: "4B" }]);
  });

  test("keeps to what may be asked for, and called", async () => {
    const t = floyd();
    const p = await person(t);
    const requestId = await p.mutation(api.requests.create, { text: "Call the school", to: SCHOOL });
    const edit = (change: { text?: string; to?: string | null }) =>
      p.mutation(api.requests.edit, { requestId, ...change });
    await expectFailure(edit({ text: " \n " }), "BAD_INPUT", "text");
    await expectFailure(edit({ text: "x".repeat(MAX_REQUEST_CHARS + 1) }), "BAD_INPUT", "text");
    await expectFailure(edit({ to: "the school" }), "BAD_INPUT", "to");
    await expectFailure(edit({ to: "911" }), "POLICY_BLOCKED", "to");
    await t.mutation(internal.suppressions.add, { phone: OTHER, reason: "asked", addedBy: "ops" });
    await expectFailure(edit({ to: OTHER }), "POLICY_BLOCKED", "to");
    expect(await requestRow(t, requestId)).toMatchObject({ text: "Call the school", toNumber: SCHOOL });
  });

  test("tells what to do instead when it is too late", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    const edit = () => p.mutation(api.requests.edit, { requestId, text: "Another" });
    expect(await expectFailure(edit(), "CONFLICT", "status")).toContain("cancel it");
    await w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome: done() });
    expect(await expectFailure(edit(), "CONFLICT", "status")).toContain("file it again");
  });
});

describe("calling again", () => {
  async function over() {
    const t = floyd();
    const p = await person(t);
    const requestId = await p.mutation(api.requests.create, { text: "Call the school", to: SCHOOL });
    await p.mutation(api.requests.cancel, { requestId });
    return { t, p, requestId, again: () => p.mutation(api.requests.callAgain, { requestId }) };
  }

  test("is a new request for the same, and the old one knows it", async () => {
    const { t, p, requestId, again } = await over();
    expect((await p.query(api.requests.show, { requestId })).again).toBeNull();
    const second = await again();
    expect(await requestRow(t, second)).toMatchObject({
      text: "Call the school",
      toNumber: SCHOOL,
      againOf: requestId,
      status: "pending",
      attempts: 0,
    });
    const shown = await p.query(api.requests.show, { requestId });
    expect(shown.again).toEqual({ requestId: second, status: "pending" });
    expect(shown.request.status).toBe("cancelled");
  });

  test("asked twice is once, until that is over too", async () => {
    const { p, requestId, again } = await over();
    const second = await again();
    expect(await Promise.all([again(), again()])).toEqual([second, second]);
    await p.mutation(api.requests.cancel, { requestId: second });
    const third = await again();
    expect(third).not.toBe(second);
    expect((await p.query(api.requests.show, { requestId })).again?.requestId).toBe(third);
  });

  test("asks anew whether the number may be called", async () => {
    const { t, p, again } = await over();
    await t.mutation(internal.suppressions.add, { phone: SCHOOL, reason: "asked", addedBy: "ops" });
    await expectFailure(again(), "POLICY_BLOCKED", "to");
    const opts = { paginationOpts: { numItems: 10, cursor: null } };
    expect((await p.query(api.requests.list, opts)).page).toHaveLength(1);
  });
});

test("another's request can't be edited, given a time, or called again", async () => {
  const t = floyd();
  const p = await person(t);
  const eve = await person(t, "eve");
  const requestId = await p.mutation(api.requests.create, { text: "Call the school" });
  const before = await requestRow(t, requestId);
  const wanted = { requestId, text: "Call me instead" };
  await expectFailure(eve.mutation(api.requests.edit, wanted), "NOT_FOUND", "requestId");
  const at = Date.now() + 60_000;
  await expectFailure(eve.mutation(api.requests.callAt, { requestId, at }), "NOT_FOUND", "requestId");
  await expectFailure(eve.mutation(api.requests.callAgain, { requestId }), "NOT_FOUND", "requestId");
  await expectFailure(stranger(t, "kim").mutation(api.requests.edit, wanted), "NOT_FOUND", "user");
  expect(await requestRow(t, requestId)).toEqual(before);
});
