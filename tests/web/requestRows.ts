/** Rows as `requests:show` gives them, with only what a test cares about spelled out. */
import type { Id } from "../../web/src/api.ts";
import type { Call, Disclosure, Line, Live, Request, Turn } from "../../web/src/request/show.ts";

export const ANSWERED_AT = 1_800_000_000_000;
export const SCHOOL = "+14155550134";

const userId = "users1" as Id<"users">;
const requestId = "requests1" as Id<"requests">;

export function callId(attempt: number): Id<"calls"> {
  return `calls${attempt}` as Id<"calls">;
}

export function request(more: Partial<Request> = {}): Request {
  return {
    _id: requestId,
    _creationTime: ANSWERED_AT - 20_000,
    userId,
    text: "Call the school: Mara is sick",
    status: "inFlight",
    notBefore: ANSWERED_AT - 20_000,
    attempts: 0,
    updatedAt: ANSWERED_AT - 20_000,
    ...more,
  };
}

export function call(attempt: number, more: Partial<Call> = {}): Call {
  return {
    _id: callId(attempt),
    _creationTime: ANSWERED_AT - 5_000,
    requestId,
    userId,
    attempt,
    to: SCHOOL,
    workerId: "kitchen",
    status: "answered",
    answeredAt: ANSWERED_AT,
    ...more,
  };
}

/** A line of the first call; line n is spoken n seconds into it and is written a second later. */
export function line(seq: number, more: Partial<Line> = {}): Line {
  const startedAt = ANSWERED_AT + seq * 1_000;
  return {
    _id: `transcript${more.callId ?? callId(1)}-${seq}` as Id<"transcript">,
    _creationTime: startedAt + 1_000,
    requestId,
    userId,
    callId: callId(1),
    seq,
    speaker: seq % 2 === 0 ? "floyd" : "callee",
    text: `line ${seq}`,
    startedAt,
    endedAt: startedAt + 900,
    interrupted: false,
    ...more,
  };
}

export function live(more: Partial<Live> = {}): Live {
  return {
    _id: "live1" as Id<"live">,
    _creationTime: ANSWERED_AT,
    requestId,
    userId,
    callId: callId(1),
    speaker: "callee",
    text: "Lincoln Elementary",
    updatedAt: ANSWERED_AT,
    ...more,
  };
}

export function turn(number: number, more: Partial<Turn> = {}): Turn {
  return {
    _id: `turns${more.callId ?? callId(1)}-${number}` as Id<"turns">,
    _creationTime: ANSWERED_AT,
    requestId,
    userId,
    callId: callId(1),
    turn: number,
    speechEndedAt: ANSWERED_AT,
    interrupted: false,
    ...more,
  };
}

export function disclosure(seq: number, more: Partial<Disclosure> = {}): Disclosure {
  return {
    _id: `disclosures${seq}` as Id<"disclosures">,
    _creationTime: ANSWERED_AT,
    requestId,
    userId,
    callId: callId(1),
    text: "Mara's class is 3B",
    to: SCHOOL,
    seq,
    ...more,
  };
}
