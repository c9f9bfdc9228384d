// @vitest-environment edge-runtime
import { describe, expect, test, vi } from "vitest";
import { api } from "../../convex/_generated/api";
import type { Id } from "../../convex/_generated/dataModel";
import { MAX_HINT_CHARS, MAX_HINTS_PER_CALL, MAX_HINTS_WAITING } from "../../convex/input";
import {
  begin,
  type Caller,
  claim,
  done,
  expectFailure,
  type Floyd,
  floyd,
  inFlight,
  onCall,
  person,
  worker,
} from "./floyd";

/** A call on which the callee has answered. */
async function talking(t: Floyd) {
  const call = await onCall(t);
  const { callId, callSid } = call;
  await call.w.mutation(api.calls.carrierStatus, { callId, callSid, status: "answered", at: Date.now() });
  return call;
}

async function inbox(w: Caller) {
  return (await w.query(api.workers.inbox, { workerId: "kitchen" })).calls;
}

const FLOYD = { by: "floyd" };
const OWNER = { by: "owner" };

type On = { callId: Id<"calls"> };

/** Everything that a person can do to a call. */
const ACTIONS: Record<string, (p: Caller, on: On) => Promise<unknown>> = {
  hint: (p, on) => p.mutation(api.calls.hint, { ...on, text: "Ask for Dana" }),
  takeOver: (p, on) => p.mutation(api.calls.takeOver, on),
  handBack: (p, on) => p.mutation(api.calls.handBack, on),
  hangUp: (p, on) => p.mutation(api.calls.hangUp, on),
};

describe("somebody else's call", () => {
  test.each(Object.entries(ACTIONS))("has no %s", async (_name, act) => {
    const t = floyd();
    const { w, callId } = await talking(t);
    const eve = await person(t, "eve");
    await expectFailure(act(eve, { callId }), "NOT_FOUND", "callId");
    expect(await inbox(w)).toMatchObject([{ control: FLOYD, hints: [] }]);
  });

  test("cannot be reached, read, or seen ringing", async () => {
    const t = floyd();
    const { w, callId, requestId, token } = await inFlightRinging(t);
    const eve = await person(t, "eve");
    const paginationOpts = { numItems: 10, cursor: null };
    await expectFailure(eve.query(api.calls.access, { callId }), "NOT_FOUND", "callId");
    await expectFailure(eve.query(api.transcript.list, { callId, paginationOpts }), "NOT_FOUND", "callId");
    expect(await eve.query(api.calls.ringing, {})).toEqual([]);
    // Nor by a request of one's own that is being called at the same time.
    const own = await eve.mutation(api.requests.create, { text: "Call the florist" });
    await w.mutation(api.calls.end, { callId, token, endReason: "done" });
    await w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome: done() });
    const claimed = { workerId: "kitchen", incarnation: "start-1", token: "token-2" };
    await w.mutation(api.requests.claim, claimed);
    const second = await begin(w, { requestId: own, token: "token-2" }, "hash-2");
    const [hint] = await hinted(eve, w, second.callId);
    const taken = w.mutation(api.hints.taken, { callId, token, hintIds: [hint] });
    await expectFailure(taken, "NOT_FOUND", "hintIds");
  });
});

async function hinted(p: Caller, w: Caller, callId: Id<"calls">): Promise<[Id<"hints">]> {
  await p.mutation(api.calls.hint, { callId, text: "Ask for Dana" });
  const hintId = (await inbox(w)).find((call) => call.callId === callId)?.hints.at(-1)?.hintId;
  if (hintId === undefined) throw new Error("the hint did not reach the worker");
  return [hintId];
}

/** A call that rings in its owner's browser. */
async function inFlightRinging(t: Floyd) {
  const flight = await inFlight(t);
  const { p, w, requestId, token } = flight;
  const number = { phone: "+14155550134", source: "contact" as const, name: "School" };
  await w.mutation(api.requests.saveNumber, { requestId, token, number });
  const { callId } = await w.mutation(api.calls.begin, {
    requestId,
    token,
    to: number.phone,
    mediaTokenHash: "hash-1",
    workerId: "kitchen",
    carrier: "browser",
  });
  expect(await p.query(api.calls.ringing, {})).toEqual([]);
  const say = (status: "ringing" | "answered" | "completed") =>
    w.mutation(api.calls.carrierStatus, { callId, callSid: "BR1", status, at: Date.now() });
  await say("ringing");
  return { ...flight, callId, say };
}

describe("a hint", () => {
  test("reaches the worker, in order, until it was taken, and stays on the page", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await talking(t);
    await p.mutation(api.calls.hint, { callId, text: "  Ask for Dana\u0000 " });
    await p.mutation(api.calls.hint, { callId, text: "She is in 4B" });
    const [call] = await inbox(w);
    expect(call).toMatchObject({ callId, requestId, control: FLOYD });
    expect(call?.hints.map(({ text }) => text)).toEqual(["Ask for Dana", "She is in 4B"]);
    const first = call?.hints[0]?.hintId ?? ("" as Id<"hints">);
    await w.mutation(api.hints.taken, { callId, token, hintIds: [first] });
    expect((await inbox(w))[0]?.hints.map(({ text }) => text)).toEqual(["She is in 4B"]);
    const { hints } = await p.query(api.requests.show, { requestId });
    expect(hints.map(({ text, takenAt }) => [text, takenAt !== undefined])).toEqual([
      ["Ask for Dana", true],
      ["She is in 4B", false],
    ]);
  });

  test("can be given while it rings", async () => {
    const t = floyd();
    const { p, w, callId } = await onCall(t);
    await p.mutation(api.calls.hint, { callId, text: "Be brief" });
    expect(await inbox(w)).toMatchObject([{ hints: [{ text: "Be brief" }] }]);
  });

  test("sent twice is one while it waits; said again after it was taken, it is another", async () => {
    const t = floyd();
    const { p, w, callId, token } = await talking(t);
    const say = () => p.mutation(api.calls.hint, { callId, text: "Be brief" });
    await say();
    await say();
    const [call] = await inbox(w);
    expect(call?.hints).toHaveLength(1);
    await w.mutation(api.hints.taken, { callId, token, hintIds: call?.hints.map((one) => one.hintId) ?? [] });
    await say();
    expect((await inbox(w))[0]?.hints).toHaveLength(1);
  });

  test("has words, and not too many", async () => {
    const t = floyd();
    const { p, callId } = await talking(t);
    const say = (text: string) => p.mutation(api.calls.hint, { callId, text });
    await expectFailure(say(" \n\u0000"), "BAD_INPUT", "text");
    const message = await expectFailure(say("x".repeat(MAX_HINT_CHARS + 1)), "BAD_INPUT", "text");
    expect(message).toContain(String(MAX_HINT_CHARS));
    await say("x".repeat(MAX_HINT_CHARS));
  });

  test("so many may wait, and so many may be given in all", async () => {
    const t = floyd();
    const { p, w, callId, token } = await talking(t);
    const say = (text: string) => p.mutation(api.calls.hint, { callId, text });
    for (let given = 0; given < MAX_HINTS_PER_CALL; ) {
      for (let waiting = 0; waiting < MAX_HINTS_WAITING; waiting++) await say(`Hint ${given++}`);
      await expectFailure(say("One more"), "CONFLICT", "text");
      const hintIds = (await inbox(w))[0]?.hints.map(({ hintId }) => hintId) ?? [];
      expect(hintIds).toHaveLength(MAX_HINTS_WAITING);
      await w.mutation(api.hints.taken, { callId, token, hintIds });
    }
    await expectFailure(say("One more"), "CONFLICT", "text");
  });

  test("is taken by the call's worker alone", async () => {
    const t = floyd();
    const { p, w, callId } = await talking(t);
    const [hint] = await hinted(p, w, callId);
    const taken = w.mutation(api.hints.taken, { callId, token: "guess", hintIds: [hint] });
    await expectFailure(taken, "LEASE_LOST", "token");
  });
});

describe("taking over", () => {
  test("and handing back, as often as one likes; again is the same", async () => {
    const t = floyd();
    const { p, w, requestId, callId } = await talking(t);
    for (const expected of [OWNER, FLOYD, OWNER]) {
      const act = expected === OWNER ? api.calls.takeOver : api.calls.handBack;
      await p.mutation(act, { callId });
      await p.mutation(act, { callId });
      expect(await inbox(w)).toMatchObject([{ callId, control: expected }]);
    }
    // Who saw only the first and the last of these knows by the count that there was something in between.
    expect(await inbox(w)).toMatchObject([{ control: { takeOvers: 2 } }]);
    expect(await p.query(api.requests.show, { requestId })).toMatchObject({ calls: [{ control: OWNER }] });
  });

  test("waits until somebody is on the line: by the carrier's word, or by their voice", async () => {
    const t = floyd();
    const { p, w, callId, callSid } = await onCall(t);
    await expectFailure(p.mutation(api.calls.takeOver, { callId }), "CONFLICT", "callId");
    await w.mutation(api.calls.openMedia, { callId, callSid, tokenHash: "hash-1" });
    await p.mutation(api.calls.takeOver, { callId });
    expect(await inbox(w)).toMatchObject([{ control: OWNER }]);
  });

  test("is not possible any more while the call is being hung up", async () => {
    const t = floyd();
    const { p, w, callId } = await talking(t);
    await p.mutation(api.calls.hangUp, { callId });
    await expectFailure(p.mutation(api.calls.takeOver, { callId }), "CONFLICT", "callId");
    await expectFailure(p.mutation(api.calls.handBack, { callId }), "CONFLICT", "callId");
    expect(await inbox(w)).toMatchObject([{ control: { by: "floyd", hangUp: true } }]);
  });

  test("ends when the owner is gone, as their worker notices", async () => {
    const t = floyd();
    const { p, w, callId, token } = await talking(t);
    await p.mutation(api.calls.takeOver, { callId });
    const gone = (token: string) => w.mutation(api.calls.ownerGone, { callId, token });
    await expectFailure(gone("guess"), "LEASE_LOST", "token");
    await gone(token);
    expect(await inbox(w)).toMatchObject([{ control: FLOYD }]);
    await p.mutation(api.calls.takeOver, { callId });
    await p.mutation(api.calls.hangUp, { callId });
    await gone(token);
    expect(await inbox(w)).toMatchObject([{ control: { by: "floyd", hangUp: true } }]);
  });

  test("the owner's words are in the transcript as theirs, and spoken live", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await talking(t);
    const startedAt = Date.now();
    const said = { seq: 0, speaker: "owner" as const, text: "Hi, it's me", interrupted: false };
    const lines = [{ ...said, startedAt, endedAt: startedAt + 900 }];
    await w.mutation(api.transcript.append, { callId, token, lines });
    await w.mutation(api.live.set, { callId, token, speaker: "owner", text: "Mara is" });
    expect(await p.query(api.requests.show, { requestId })).toMatchObject({
      transcript: [{ speaker: "owner", text: "Hi, it's me" }],
      live: [{ speaker: "owner", text: "Mara is" }],
    });
    expect(await p.query(api.live.list, { requestId })).toMatchObject([
      { speaker: "owner", text: "Mara is" },
    ]);
  });
});

describe("hanging up", () => {
  test("keeps who is speaking, and works from the first ring on", async () => {
    const t = floyd();
    const { p, w, callId } = await onCall(t);
    await p.mutation(api.calls.hangUp, { callId });
    await p.mutation(api.calls.hangUp, { callId });
    expect(await inbox(w)).toMatchObject([{ control: { by: "floyd", hangUp: true } }]);
  });

  test("while one speaks oneself", async () => {
    const t = floyd();
    const { p, w, callId } = await talking(t);
    await p.mutation(api.calls.takeOver, { callId });
    await p.mutation(api.calls.hangUp, { callId });
    expect(await inbox(w)).toMatchObject([{ control: { by: "owner", hangUp: true } }]);
  });

  test("a call that has just ended is no error, and changes nothing", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await talking(t);
    await w.mutation(api.calls.end, { callId, token, endReason: "goodbye" });
    await p.mutation(api.calls.hangUp, { callId });
    const [call] = (await p.query(api.requests.show, { requestId })).calls;
    expect(call).toMatchObject({ status: "ended", endReason: "goodbye" });
    expect(call?.control).toBeUndefined();
  });
});

describe("a call that is not going on", () => {
  const STEERED = Object.entries(ACTIONS).filter(([name]) => name !== "hangUp");

  test.each(STEERED)("because it has ended takes no %s", async (_name, act) => {
    const t = floyd();
    const { p, w, callId, token } = await talking(t);
    await w.mutation(api.calls.end, { callId, token, endReason: "goodbye" });
    expect(await expectFailure(act(p, { callId }), "CONFLICT", "callId")).toContain("over");
  });

  test.each(STEERED)("because nobody is in charge of it any more takes no %s", async (_name, act) => {
    const t = floyd();
    const { p, w, callId } = await talking(t);
    await worker(t, "kitchen", "start-2");
    await expectFailure(act(p, { callId }), "CONFLICT", "callId");
    expect(await inbox(w)).toEqual([]);
  });

  test("is not its worker's because that has the request again", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await talking(t);
    const asked = { requestId, token, question: "Which class?", deadline: Date.now() + 60_000 };
    await w.mutation(api.requests.needInput, { ...asked, summary: "They asked which class." });
    await p.mutation(api.questions.answer, { id: requestId, text: "4B" });
    await claim(w, "token-2");
    expect(await inbox(w)).toEqual([]);
    await expectFailure(p.mutation(api.calls.takeOver, { callId }), "CONFLICT", "callId");
  });

  test("is not in the inbox of its worker, nor in another's", async () => {
    const t = floyd();
    const { w, callId, token } = await talking(t);
    await worker(t, "attic");
    expect((await w.query(api.workers.inbox, { workerId: "attic" })).calls).toEqual([]);
    await w.mutation(api.calls.end, { callId, token, endReason: "goodbye" });
    expect(await inbox(w)).toEqual([]);
  });
});

describe("reaching a call", () => {
  test("its owner is told where it is, and how far it has come", async () => {
    const t = floyd();
    const { p, w, requestId, callId } = await talking(t);
    expect(await p.query(api.calls.access, { callId })).toEqual({ requestId, status: "answered" });
    const started = { workerId: "kitchen", version: "0.1.0", maxCalls: 20 };
    const address = "https://calls.example.com/";
    await w.mutation(api.workers.register, { ...started, incarnation: "start-2", address });
    expect(await p.query(api.calls.access, { callId })).toEqual({
      requestId,
      status: "answered",
      address: "https://calls.example.com",
    });
  });

  test.each([
    "calls.example.com",
    "ftp://calls.example.com",
    "https://calls.example.com/floyd",
    "https://user:pass@example.com",
    "https://example.com?x=1",
    "javascript:alert(1)",
    "https://",
    "https://exa mple.com",
    `https://${"x".repeat(300)}.example.com`,
  ])("%j is no address of a worker", async (address) => {
    const w = await worker(floyd());
    const started = { workerId: "kitchen", incarnation: "start-2", version: "0.1.0", maxCalls: 20 };
    await expectFailure(w.mutation(api.workers.register, { ...started, address }), "BAD_INPUT", "address");
  });

  test.each([
    "http://localhost:8080",
    "http://127.0.0.1:5555",
    "http://[::1]:80",
    "HTTPS://Calls.Example.com",
  ])("%s is one", async (address) => {
    const w = await worker(floyd());
    const started = { workerId: "kitchen", incarnation: "start-2", version: "0.1.0", maxCalls: 20 };
    await w.mutation(api.workers.register, { ...started, address });
  });
});

describe("the browser line", () => {
  test("rings at its owner's page until it is picked up", async () => {
    const t = floyd();
    const { p, requestId, callId, say } = await inFlightRinging(t);
    expect(await p.query(api.calls.ringing, {})).toEqual([
      {
        callId,
        requestId,
        to: "+14155550134",
        calleeName: "School",
        requestText: "Call the school: Mara is sick",
      },
    ]);
    await say("answered");
    expect(await p.query(api.calls.ringing, {})).toEqual([]);
    expect(await p.query(api.requests.show, { requestId })).toMatchObject({
      calls: [{ carrier: "browser" }],
    });
  });

  test("stops ringing when its worker is gone, or the request is cancelled", async () => {
    const t = floyd();
    const { p, requestId } = await inFlightRinging(t);
    await p.mutation(api.requests.cancel, { requestId });
    expect(await p.query(api.calls.ringing, {})).toEqual([]);
  });

  test("is not the telephone, which rings elsewhere", async () => {
    const t = floyd();
    const { p, w, callId, callSid } = await onCall(t);
    await w.mutation(api.calls.carrierStatus, { callId, callSid, status: "ringing", at: Date.now() });
    expect(await p.query(api.calls.ringing, {})).toEqual([]);
  });
});

test("the log tells that a person stepped in, and nothing of what they said", async () => {
  const spy = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const t = floyd();
  const { p, requestId, callId } = await talking(t);
  spy.mockClear();
  await p.mutation(api.calls.hint, { callId, text: "Mara" });
  await p.mutation(api.calls.takeOver, { callId });
  await p.mutation(api.calls.takeOver, { callId });
  await p.mutation(api.calls.handBack, { callId });
  await p.mutation(api.calls.hangUp, { callId });
  const lines = spy.mock.calls.map((args) => args.join(" "));
  spy.mockRestore();
  expect(lines).toEqual([
    `floyd hint request=${requestId} call=${callId}`,
    `floyd control request=${requestId} call=${callId} by=owner`,
    `floyd control request=${requestId} call=${callId} by=floyd`,
    `floyd control request=${requestId} call=${callId} by=floyd hangUp=yes`,
  ]);
});
