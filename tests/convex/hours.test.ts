// @vitest-environment edge-runtime
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../convex/_generated/api";
import type { Id } from "../../convex/_generated/dataModel";
import { nextWithin } from "../../convex/callHours";
import { Random } from "../embedded/random";
import {
  begin,
  type Caller,
  claim,
  expectFailure,
  type Floyd,
  floyd,
  inFlight,
  onCall,
  person,
  requestRow,
  worker,
} from "./floyd";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const BERLIN = "Europe/Berlin";
const OFFICE = { from: "09:00", to: "18:00" };

const MORNING = Date.parse("2026-06-10T09:00+02:00");
const NOON = Date.parse("2026-06-10T12:00+02:00");
const EVENING = Date.parse("2026-06-10T20:00+02:00");
const NEXT_MORNING = MORNING + 24 * HOUR;

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOON);
});
afterEach(() => void vi.useRealTimers());

async function pass(t: Floyd, ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await t.finishInProgressScheduledFunctions();
}

function keep(p: Caller, callHours: { from: string; to: string } | null = OFFICE, timezone = BERLIN) {
  return p.mutation(api.users.update, { callHours, timezone });
}

async function times(t: Floyd, requestId: Id<"requests">) {
  const { notBefore, movedFrom, anyHour } = await requestRow(t, requestId);
  return { notBefore, movedFrom, anyHour };
}

const at = (notBefore: number) => ({ notBefore, movedFrom: undefined, anyHour: undefined });
const moved = (movedFrom: number, notBefore = NEXT_MORNING) => ({ notBefore, movedFrom, anyHour: undefined });

describe("what waits is due within its owner's call hours", () => {
  test("when it is filed: at once inside them, at their next beginning outside", async () => {
    const t = floyd();
    const p = await person(t);
    await keep(p);
    const noon = await p.mutation(api.requests.create, { text: "Call the school" });
    expect(await times(t, noon)).toEqual(at(NOON));
    vi.setSystemTime(EVENING);
    const evening = await p.mutation(api.requests.create, { text: "Call the school" });
    expect(await times(t, evening)).toEqual(moved(EVENING));
  });

  test("when it is filed for later", async () => {
    const t = floyd();
    const p = await person(t);
    await keep(p);
    const later = (notBefore: number) => p.mutation(api.requests.create, { text: "Call", notBefore });
    expect(await times(t, await later(NOON + HOUR))).toEqual(at(NOON + HOUR));
    expect(await times(t, await later(EVENING))).toEqual(moved(EVENING));
    expect(await times(t, await later(NOON - HOUR))).toEqual(at(NOON));
    await expectFailure(later(NOON / 1000), "BAD_INPUT", "notBefore");
    await expectFailure(later(NOON + 400 * 24 * HOUR), "BAD_INPUT", "notBefore");
  });

  test("when its question is answered in the evening", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    await keep(p);
    const deadline = NOON + 24 * HOUR;
    await w.mutation(api.requests.ask, { requestId, token, question: "Which class?", deadline });
    vi.setSystemTime(EVENING);
    await p.mutation(api.questions.answer, { id: requestId, text: "4B" });
    expect(await times(t, requestId)).toEqual(moved(EVENING));
  });

  test("when it is to be tried again", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    await keep(p);
    await w.mutation(api.calls.end, { callId, token, endReason: "busy" });
    const again = { requestId, token, reason: "busy", notBefore: EVENING };
    await w.mutation(api.requests.release, again);
    expect(await times(t, requestId)).toEqual(moved(EVENING));
  });

  test("when its worker is gone", async () => {
    const t = floyd();
    const { p, requestId } = await inFlight(t);
    await keep(p);
    vi.setSystemTime(EVENING);
    await worker(t, "kitchen", "start-2");
    expect(await times(t, requestId)).toEqual(moved(NOON));
  });

  test("it keeps its place in the queue inside them", async () => {
    const t = floyd();
    const { p, requestId } = await inFlight(t);
    await keep(p);
    await pass(t, HOUR);
    await worker(t, "kitchen", "start-2");
    expect(await times(t, requestId)).toEqual(at(NOON));
  });

  test("without call hours, at any time", async () => {
    const t = floyd();
    const p = await person(t);
    vi.setSystemTime(EVENING);
    const requestId = await p.mutation(api.requests.create, { text: "Call the night shift" });
    expect(await times(t, requestId)).toEqual(at(EVENING));
  });
});

describe("what has waited past them", () => {
  test("is put off by the claim, which takes the next one's request", async () => {
    const t = floyd();
    const alex = await person(t, "alex");
    const sam = await person(t, "sam");
    await keep(alex);
    const office = await alex.mutation(api.requests.create, { text: "Call the school" });
    const anyTime = await sam.mutation(api.requests.create, { text: "Call the hotline" });
    vi.setSystemTime(EVENING);
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const w = await worker(t);
    expect((await claim(w))?.request._id).toBe(anyTime);
    expect(log).toHaveBeenCalledWith(`floyd postponed request=${office} by=call-hours`);
    expect(await times(t, office)).toEqual(moved(NOON));
    expect(await claim(w, "token-2")).toBeNull();
    vi.setSystemTime(NEXT_MORNING);
    expect((await claim(w, "token-3"))?.request._id).toBe(office);
    expect(await times(t, office)).toEqual(at(NEXT_MORNING));
  });

  test("is not begun in their last minute: preparing takes that long", async () => {
    const t = floyd();
    const p = await person(t);
    await keep(p);
    const requestId = await p.mutation(api.requests.create, { text: "Call the school" });
    const w = await worker(t);
    vi.setSystemTime(MORNING + 9 * HOUR - MINUTE);
    expect(await claim(w)).toBeNull();
    expect(await times(t, requestId)).toEqual(moved(NOON));
  });

  test("does not hold up others, however much of it there is", async () => {
    const t = floyd();
    const alex = await person(t, "alex");
    const sam = await person(t, "sam");
    await keep(alex);
    for (let i = 0; i < 60; i++) await alex.mutation(api.requests.create, { text: `Call ${i}` });
    const anyTime = await sam.mutation(api.requests.create, { text: "Call the hotline" });
    vi.setSystemTime(EVENING);
    const w = await worker(t);
    const got = [await claim(w, "a"), await claim(w, "b")];
    expect(got.map((one) => one?.request._id)).toEqual([undefined, anyTime]);
  });
});

describe("preparing that takes too long", () => {
  const NIGHTFALL = MORNING + 9 * HOUR;
  const number = { phone: "+14155550134", source: "contact" as const };

  async function preparing(t: Floyd) {
    const flight = await inFlight(t);
    await keep(flight.p);
    const { w, requestId, token } = flight;
    return { ...flight, save: () => w.mutation(api.requests.saveNumber, { requestId, token, number }) };
  }

  test("ends with a call, if it ends in time", async () => {
    const t = floyd();
    const { w, requestId, token, save } = await preparing(t);
    vi.setSystemTime(NIGHTFALL - 1);
    expect(await save()).toEqual({ postponed: false });
    expect(await begin(w, { requestId, token })).toMatchObject({ attempt: 1 });
  });

  test("ends without one when the call hours are over, and goes on at their next beginning", async () => {
    const t = floyd();
    const { w, requestId, token, save } = await preparing(t);
    vi.setSystemTime(NIGHTFALL);
    expect(await save()).toEqual({ postponed: true });
    // The worker may have missed the answer.
    expect(await save()).toEqual({ postponed: true });
    expect(await requestRow(t, requestId)).toMatchObject({ status: "pending", number, attempts: 0 });
    expect(await times(t, requestId)).toEqual(moved(NOON));
    await expectFailure(begin(w, { requestId, token }), "LEASE_LOST", "token");
    expect(await claim(w, "token-2")).toBeNull();
    vi.setSystemTime(NEXT_MORNING);
    expect((await claim(w, "token-2"))?.request._id).toBe(requestId);
  });

  test("does not matter when the owner has chosen the moment", async () => {
    const t = floyd();
    const p = await person(t);
    const w = await worker(t);
    await keep(p);
    vi.setSystemTime(EVENING);
    const requestId = await p.mutation(api.requests.create, { text: "Call the bar" });
    await p.mutation(api.requests.callAt, { requestId, at: EVENING });
    await claim(w, "token-1");
    const saved = await w.mutation(api.requests.saveNumber, { requestId, token: "token-1", number });
    expect(saved).toEqual({ postponed: false });
  });
});

describe("a moment that the owner chooses", () => {
  async function inTheEvening(t: Floyd) {
    const p = await person(t);
    const w = await worker(t);
    await keep(p);
    vi.setSystemTime(EVENING);
    const requestId = await p.mutation(api.requests.create, { text: "Call the school" });
    return { p, w, requestId };
  }

  test("now, also outside call hours", async () => {
    const t = floyd();
    const { p, w, requestId } = await inTheEvening(t);
    expect(await claim(w, "too-early")).toBeNull();
    await p.mutation(api.requests.callAt, { requestId, at: EVENING - 5 * MINUTE });
    expect(await times(t, requestId)).toEqual({ notBefore: EVENING, movedFrom: undefined, anyHour: true });
    expect((await claim(w))?.request._id).toBe(requestId);
  });

  test("later, also outside them", async () => {
    const t = floyd();
    const { p, w, requestId } = await inTheEvening(t);
    await p.mutation(api.requests.callAt, { requestId, at: EVENING + HOUR });
    expect(await claim(w, "too-early")).toBeNull();
    vi.setSystemTime(EVENING + HOUR);
    expect((await claim(w))?.request._id).toBe(requestId);
  });

  test("holds until a call was begun: a worker that stops before gives it back for now", async () => {
    const t = floyd();
    const { p, w, requestId } = await inTheEvening(t);
    await p.mutation(api.requests.callAt, { requestId, at: EVENING });
    await claim(w, "a");
    await w.mutation(api.requests.release, { requestId, token: "a", reason: "draining" });
    expect((await claim(w, "b"))?.request._id).toBe(requestId);
    const { callId } = await begin(w, { requestId, token: "b" });
    await w.mutation(api.calls.end, { callId, token: "b", endReason: "busy" });
    const again = { requestId, token: "b", reason: "busy", notBefore: EVENING + 10 * MINUTE };
    await w.mutation(api.requests.release, again);
    expect(await times(t, requestId)).toEqual(moved(EVENING + 10 * MINUTE));
  });

  test("has gone by when Floyd had to ask first", async () => {
    const t = floyd();
    const { p, w, requestId } = await inTheEvening(t);
    await p.mutation(api.requests.callAt, { requestId, at: EVENING });
    await claim(w, "a");
    const asked = { requestId, token: "a", question: "Which class?", deadline: EVENING + 24 * HOUR };
    await w.mutation(api.requests.ask, asked);
    vi.setSystemTime(EVENING + 2 * HOUR);
    await p.mutation(api.questions.answer, { id: requestId, text: "4B" });
    expect(await times(t, requestId)).toEqual(moved(EVENING + 2 * HOUR));
  });

  test("is a time in milliseconds, within a year", async () => {
    const t = floyd();
    const { p, requestId } = await inTheEvening(t);
    const callAt = (at: number) => p.mutation(api.requests.callAt, { requestId, at });
    await expectFailure(callAt(Number.NaN), "BAD_INPUT", "at");
    await expectFailure(callAt(EVENING / 1000), "BAD_INPUT", "at");
    await expectFailure(callAt(EVENING + 400 * 24 * HOUR), "BAD_INPUT", "at");
  });
});

describe("changed call hours", () => {
  test("move what waits, and nothing else", async () => {
    const t = floyd();
    const { p, requestId: running } = await inFlight(t);
    vi.setSystemTime(EVENING);
    const waiting = await p.mutation(api.requests.create, { text: "Call the school" });
    const chosen = await p.mutation(api.requests.create, { text: "Call the bar" });
    await p.mutation(api.requests.callAt, { requestId: chosen, at: EVENING + HOUR });
    const before = [await requestRow(t, running), await requestRow(t, chosen)];
    await keep(p);
    expect(await times(t, waiting)).toEqual(moved(EVENING));
    await keep(p, { from: "10:30", to: "18:00" });
    expect(await times(t, waiting)).toEqual(moved(EVENING, NEXT_MORNING + 90 * MINUTE));
    await keep(p);
    // In New York it is early in the afternoon.
    await p.mutation(api.users.update, { timezone: "America/New_York" });
    expect(await times(t, waiting)).toEqual(at(EVENING));
    await keep(p);
    await keep(p, null);
    expect(await times(t, waiting)).toEqual(at(EVENING));
    expect([await requestRow(t, running), await requestRow(t, chosen)]).toEqual(before);
  });

  test("are two times of day, a quarter of an hour apart at least", async () => {
    const p = await person(floyd());
    await expectFailure(keep(p, { from: "9:00", to: "18:00" }), "BAD_INPUT", "callHours.from");
    await expectFailure(keep(p, { from: "09:00", to: "24:00" }), "BAD_INPUT", "callHours.to");
    await expectFailure(keep(p, { from: "09:00", to: "09:00" }), "BAD_INPUT", "callHours.to");
    await expectFailure(keep(p, { from: "23:50", to: "00:04" }), "BAD_INPUT", "callHours.to");
    await keep(p, { from: "23:50", to: "00:05" });
    expect(await p.query(api.users.me, {})).toMatchObject({ callHours: { from: "23:50", to: "00:05" } });
    await keep(p, null);
    expect((await p.query(api.users.me, {}))?.callHours).toBeUndefined();
  });
});

describe("whatever happens", () => {
  test.each([1, 2, 3, 4])(
    "nothing is claimed outside of them, unless its owner chose the moment (%i)",
    async (seed) => {
      vi.spyOn(console, "log").mockImplementation(() => undefined);
      const random = new Random(seed);
      const t = floyd();
      const p = await person(t);
      const w = await worker(t);
      let hours = OFFICE;
      await keep(p, hours);
      const held = new Map<string, Id<"requests">>();
      let claims = 0;
      for (let step = 0; step < 250; step++) {
        const token = [...held.keys()][0];
        const requestId = token === undefined ? undefined : held.get(token);
        const row = requestId === undefined ? null : await requestRow(t, requestId);
        switch (random.below(12)) {
          case 0:
            await p.mutation(api.requests.create, { text: `Call ${step}` });
            break;
          case 1:
            vi.setSystemTime(Date.now() + random.below(8 * 60) * MINUTE);
            break;
          case 2:
            hours = { from: `${10 + random.below(3)}:30`, to: `1${5 + random.below(4)}:15` };
            await keep(p, hours);
            break;
          case 3:
            if (token === undefined || requestId === undefined) break;
            await w.mutation(api.requests.release, { requestId, token, reason: "draining" });
            held.delete(token);
            break;
          case 4:
            if (token === undefined || requestId === undefined) break;
            await w.mutation(api.requests.ask, {
              requestId,
              token,
              question: "?",
              deadline: Date.now() + 20 * HOUR,
            });
            vi.setSystemTime(Date.now() + random.below(15 * 60) * MINUTE);
            await p.mutation(api.questions.answer, { id: requestId, text: "Yes" });
            held.delete(token);
            break;
          case 5: {
            if (token === undefined || requestId === undefined || row === null || row.attempts > 5) break;
            const { callId } = await begin(w, { requestId, token }, `hash-${step}`);
            await w.mutation(api.calls.end, { callId, token, endReason: "busy" });
            await w.mutation(api.requests.release, {
              requestId,
              token,
              reason: "busy",
              notBefore: Date.now() + random.below(12 * 60) * MINUTE,
            });
            held.delete(token);
            break;
          }
          case 6: {
            const [next] = await w.query(api.requests.pending, {});
            if (next === undefined || random.below(3) > 0) break;
            await p.mutation(api.requests.callAt, { requestId: next.requestId, at: Date.now() });
            break;
          }
          default: {
            const got = await claim(w, `token-${step}`);
            if (got === null) break;
            claims += 1;
            held.set(`token-${step}`, got.request._id);
            const inside = nextWithin(Date.now(), hours, BERLIN) === Date.now();
            expect(inside || got.request.anyHour, new Date().toISOString()).toBe(true);
          }
        }
      }
      expect(claims).toBeGreaterThan(10);
    },
  );
});
