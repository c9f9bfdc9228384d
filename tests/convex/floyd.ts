/** The functions under test, the people and workers who call them, and the path that most tests begin with. */

import { ConvexError, type Infer } from "convex/values";
import { convexTest, type TestConvex } from "convex-test";
import { expect } from "vitest";
import { api } from "../../convex/_generated/api";
import type { Doc, Id } from "../../convex/_generated/dataModel";
import schema, { type outcome } from "../../convex/schema";

const modules = import.meta.glob(["../../convex/**/*.ts", "../../convex/_generated/*.js", "!**/*.d.ts"]);

export const ISSUER = "https://floyd.local";
export const SCHOOL = "+14155550134";

export type Floyd = TestConvex<typeof schema>;
export type Caller = ReturnType<Floyd["withIdentity"]>;

export function floyd(): Floyd {
  return convexTest(schema, modules);
}

/** A signed-in person, known to Floyd. */
export async function person(t: Floyd, name = "alex"): Promise<Caller> {
  const caller = stranger(t, name);
  await caller.mutation(api.users.ensure, {});
  return caller;
}

/** A person with a valid token who has never been here. */
export function stranger(t: Floyd, name: string): Caller {
  const subject = `person:${name}`;
  return t.withIdentity({ issuer: ISSUER, subject, tokenIdentifier: `${ISSUER}|${subject}`, name });
}

/** Somebody who runs this Floyd. */
export function operator(t: Floyd, name = "ops"): Caller {
  const subject = `person:${name}`;
  const tokenIdentifier = `${ISSUER}|${subject}`;
  return t.withIdentity({ issuer: ISSUER, subject, tokenIdentifier, name, operator: true });
}

/** A worker's token; nobody has registered yet. */
export function service(t: Floyd): Caller {
  return t.withIdentity({
    issuer: ISSUER,
    subject: "worker",
    tokenIdentifier: `${ISSUER}|worker`,
    role: "service",
  });
}

/** A registered worker. */
export async function worker(t: Floyd, workerId = "kitchen", incarnation = "start-1"): Promise<Caller> {
  const caller = service(t);
  await caller.mutation(api.workers.register, { workerId, incarnation, version: "0.1.0", maxCalls: 20 });
  return caller;
}

export type Claimed = { requestId: Id<"requests">; token: string };

/** Claim whatever is due. */
export async function claim(w: Caller, token = "token-1", workerId = "kitchen", incarnation = "start-1") {
  return w.mutation(api.requests.claim, { workerId, incarnation, token });
}

/** A person, a worker, and a request that the worker has claimed. */
export async function inFlight(t: Floyd): Promise<{ p: Caller; w: Caller } & Claimed> {
  const p = await person(t);
  const w = await worker(t);
  const requestId = await p.mutation(api.requests.create, { text: "Call the school: Mara is sick" });
  const token = "token-1";
  const got = await claim(w, token);
  expect(got?.request._id).toBe(requestId);
  return { p, w, requestId, token };
}

/** The same, with a call that is going on. */
export async function onCall(
  t: Floyd,
): Promise<{ p: Caller; w: Caller; callId: Id<"calls">; callSid: string } & Claimed> {
  const flight = await inFlight(t);
  const { callId } = await begin(flight.w, flight);
  const callSid = "CA0001";
  await flight.w.mutation(api.calls.dialed, { callId, token: flight.token, callSid });
  return { ...flight, callId, callSid };
}

export function begin(w: Caller, { requestId, token }: Claimed, mediaTokenHash = "hash-1", to = SCHOOL) {
  return w.mutation(api.calls.begin, { requestId, token, to, mediaTokenHash, workerId: "kitchen" });
}

export function line(seq: number, text = `line ${seq}`) {
  const startedAt = 1_800_000_000_000 + seq * 1000;
  return {
    seq,
    speaker: seq % 2 === 0 ? ("floyd" as const) : ("callee" as const),
    text,
    startedAt,
    endedAt: startedAt + 900,
    interrupted: false,
  };
}

export function done(summary = "The school noted it."): Infer<typeof outcome> {
  return { kind: "done", summary, reported: [] };
}

export async function requestRow(t: Floyd, requestId: Id<"requests">): Promise<Doc<"requests">> {
  const row = await t.run((ctx) => ctx.db.get("requests", requestId));
  if (row === null) throw new Error("the request is gone");
  return row;
}

/** The error with this code, and for this field if one is given. */
export async function expectFailure(
  promise: Promise<unknown>,
  code: string,
  field?: string,
): Promise<string> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConvexError)) throw new Error(`expected ${code}, got ${error ?? "success"}`);
  const data = typeof error.data === "string" ? JSON.parse(error.data) : error.data;
  expect(data).toMatchObject(field === undefined ? { code } : { code, field });
  expect(data.message.length).toBeGreaterThan(10);
  return data.message;
}
