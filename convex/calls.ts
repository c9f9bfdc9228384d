/**
 * Calls. There are never two for one request: the attempt is written before the carrier is asked to dial, and
 * while it has not ended no other can begin, whoever holds the lease.
 */
import { v } from "convex/values";
import { literals } from "convex-helpers/validators";
import type { Doc, Id } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";
import { callsOf, callUnder, endCall, inCharge, ownCall, requireCall } from "./callRows";
import { fail } from "./errors";
import { userMutation, userQuery, workerMutation, workerQuery } from "./functions";
import { amount, identifier, MAX_ATTEMPTS, MAX_NAME_CHARS, MAX_REASON_CHARS, moment, text } from "./input";
import { requireLease } from "./leases";
import { log } from "./log";
import { callStatus, carrier, usage } from "./schema";
import { giveBack, ringingFor, ringingShape, steer, whisper } from "./steering";
import { numberToCall } from "./suppressions";
import { workerById } from "./workers";

/** Unended calls read at once; there are as many as calls going on. */
const MAX_UNENDED = 500;

/** The carrier's words for where a call is (Twilio's `CallStatus`). */
const carrierStatusWord = literals(
  "initiated",
  "ringing",
  "answered",
  "busy",
  "no-answer",
  "failed",
  "canceled",
  "completed",
);

type CallStatus = Doc<"calls">["status"];

/** What each word makes of a call. Callbacks arrive in any order, so a call only ever moves forward. */
const CARRIER_MEANS: Record<(typeof carrierStatusWord)["type"], CallStatus> = {
  initiated: "dialing",
  ringing: "ringing",
  answered: "answered",
  busy: "ended",
  "no-answer": "ended",
  failed: "ended",
  canceled: "ended",
  completed: "ended",
};
const ORDER: CallStatus[] = ["dialing", "ringing", "answered", "ended"];

// ---- what a person does

/** Whisper: Floyd takes it into account at its next turn. Only while the call is going on. */
export const hint = userMutation({
  args: { callId: v.id("calls"), text: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    await whisper(ctx, await ownCall(ctx, ctx.user, args.callId), args.text);
    return null;
  },
});

/** Speak oneself: Floyd falls silent and goes on listening. Only while the callee is on the line. */
export const takeOver = userMutation({
  args: { callId: v.id("calls") },
  returns: v.null(),
  handler: async (ctx, { callId }) => {
    await steer(ctx, await ownCall(ctx, ctx.user, callId), "takeOver");
    return null;
  },
});

/** Let Floyd speak again. */
export const handBack = userMutation({
  args: { callId: v.id("calls") },
  returns: v.null(),
  handler: async (ctx, { callId }) => {
    await steer(ctx, await ownCall(ctx, ctx.user, callId), "handBack");
    return null;
  },
});

/** End the call now. A call that has ended already is no error. */
export const hangUp = userMutation({
  args: { callId: v.id("calls") },
  returns: v.null(),
  handler: async (ctx, { callId }) => {
    await steer(ctx, await ownCall(ctx, ctx.user, callId), "hangUp");
    return null;
  },
});

/**
 * Whether this person may hear and steer a call: NOT_FOUND if it is not theirs. `address`: where the worker that has
 * it serves browsers, if that is not where the page comes from.
 */
export const access = userQuery({
  args: { callId: v.id("calls") },
  returns: v.object({ requestId: v.id("requests"), status: callStatus, address: v.optional(v.string()) }),
  handler: async (ctx, { callId }) => {
    const { requestId, status, workerId } = await ownCall(ctx, ctx.user, callId);
    return { requestId, status, address: (await workerById(ctx, workerId))?.address };
  },
});

/** Calls that ring in this person's browser now. */
export const ringing = userQuery({
  args: {},
  returns: v.array(ringingShape),
  handler: (ctx) => ringingFor(ctx, ctx.user),
});

// ---- what a worker does

/**
 * Write the attempt, and so permit one dial. `mediaTokenHash` names it: beginning again under the same hash and
 * lease is the same call.
 */
export const begin = workerMutation({
  args: {
    requestId: v.id("requests"),
    token: v.string(),
    to: v.string(),
    mediaTokenHash: v.string(),
    workerId: v.string(),
    carrier: v.optional(carrier),
  },
  returns: v.object({ callId: v.id("calls"), attempt: v.number() }),
  handler: async (ctx, args): Promise<{ callId: Id<"calls">; attempt: number }> => {
    const lease = await requireLease(ctx, args.requestId, args.token);
    const mediaTokenHash = identifier("mediaTokenHash", args.mediaTokenHash);
    const request = await ctx.db.get("requests", args.requestId);
    const user = request && (await ctx.db.get("users", request.userId));
    if (!request || !user) fail("NOT_FOUND", "There is no such request", "requestId");
    const calls = await callsOf(ctx, request._id);
    const known = calls.find((call) => call.leaseId === lease._id && call.mediaTokenHash === mediaTokenHash);
    if (known !== undefined) return { callId: known._id, attempt: known.attempt };
    if (calls.some((call) => call.status !== "ended")) {
      fail("CONFLICT", "Another call of this request has not ended: there are never two", "requestId");
    }
    if (calls.length >= MAX_ATTEMPTS) {
      fail("POLICY_BLOCKED", `This request has been called for ${MAX_ATTEMPTS} times: no more`, "requestId");
    }
    const to = await numberToCall(ctx, "to", args.to, user, request.number?.source === "override");
    const attempt = request.attempts + 1;
    const callId = await ctx.db.insert("calls", {
      requestId: request._id,
      userId: request.userId,
      attempt,
      to,
      workerId: lease.workerId,
      leaseId: lease._id,
      status: "dialing",
      carrier: args.carrier,
      mediaTokenHash,
    });
    await ctx.db.patch("requests", request._id, {
      attempts: attempt,
      stage: "dialing",
      // The moment that the owner chose was for this call; another one keeps to their hours.
      anyHour: undefined,
      updatedAt: Date.now(),
    });
    log("dial", { request: request._id, call: callId, worker: lease.workerId, attempt });
    return { callId, attempt };
  },
});

/** The carrier has taken the call. Kept even if the lease is lost by now, so that somebody can hang it up. */
export const dialed = workerMutation({
  args: { callId: v.id("calls"), token: v.string(), callSid: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await callUnder(ctx, args.callId, args.token);
    const callSid = sameSid(call, args.callSid);
    await ctx.db.patch("calls", call._id, { callSid, dialedAt: call.dialedAt ?? Date.now() });
    return null;
  },
});

/** A status callback of the carrier. `at`: when it happened. Needs no lease: the truth about a call has none. */
export const carrierStatus = workerMutation({
  args: {
    callId: v.id("calls"),
    callSid: v.string(),
    status: carrierStatusWord,
    at: v.number(),
    answeredBy: v.optional(v.string()),
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await requireCall(ctx, args.callId);
    const callSid = sameSid(call, args.callSid);
    const at = moment("at", args.at);
    const status = CARRIER_MEANS[args.status];
    const answeredBy =
      args.answeredBy === undefined ? call.answeredBy : text("answeredBy", args.answeredBy, MAX_REASON_CHARS);
    await ctx.db.patch("calls", call._id, {
      callSid,
      answeredBy,
      dialedAt: call.dialedAt ?? at,
      answeredAt: call.answeredAt ?? (status === "answered" ? at : undefined),
    });
    if (ORDER.indexOf(status) <= ORDER.indexOf(call.status)) return null;
    if (status !== "ended") {
      await ctx.db.patch("calls", call._id, { status });
      return null;
    }
    await endCall(ctx, call, args.status, at);
    return null;
  },
});

/** Let the one media socket of this call in: FORBIDDEN for a wrong, used or late token. */
export const openMedia = workerMutation({
  args: { callId: v.id("calls"), callSid: v.string(), tokenHash: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await requireCall(ctx, args.callId);
    if (call.mediaTokenHash !== args.tokenHash) fail("FORBIDDEN", "The media token is wrong", "tokenHash");
    if (call.mediaOpenedAt !== undefined) fail("FORBIDDEN", "The media token has been used", "tokenHash");
    if (call.status === "ended") fail("FORBIDDEN", "The call has ended", "callId");
    await ctx.db.patch("calls", call._id, {
      callSid: sameSid(call, args.callSid),
      mediaOpenedAt: Date.now(),
    });
    return null;
  },
});

/** The call is over, and why, in the worker's words; they replace the carrier's, which know less. */
export const end = workerMutation({
  args: { callId: v.id("calls"), token: v.string(), endReason: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await callUnder(ctx, args.callId, args.token);
    const endReason = text("endReason", args.endReason, MAX_REASON_CHARS);
    if (call.status !== "ended") await endCall(ctx, call, endReason, Date.now());
    else if (Object.hasOwn(CARRIER_MEANS, call.endReason ?? "")) {
      await ctx.db.patch("calls", call._id, { endReason });
    }
    return null;
  },
});

/** When the callee had heard that an AI is calling. */
export const disclosed = workerMutation({
  args: { callId: v.id("calls"), token: v.string(), at: v.number() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await callUnder(ctx, args.callId, args.token);
    if (call.disclosureAt === undefined) {
      await ctx.db.patch("calls", call._id, { disclosureAt: moment("at", args.at) });
    }
    return null;
  },
});

/** The call was recorded; `file` is the recording's name in that worker's data folder. */
export const recorded = workerMutation({
  args: { callId: v.id("calls"), token: v.string(), file: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await callUnder(ctx, args.callId, args.token);
    const recording = text("file", args.file, MAX_NAME_CHARS);
    if (call.recording !== recording) await ctx.db.patch("calls", call._id, { recording });
    return null;
  },
});

/** The owner who spoke has gone (a page closed, a connection lost): Floyd has the call again. */
export const ownerGone = workerMutation({
  args: { callId: v.id("calls"), token: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    await giveBack(ctx, await callUnder(ctx, args.callId, args.token));
    return null;
  },
});

/** What the call has used so far: all of it, so that writing it again or later is right. */
export const saveUsage = workerMutation({
  args: { callId: v.id("calls"), token: v.string(), usage },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await callUnder(ctx, args.callId, args.token);
    for (const [unit, used] of Object.entries(args.usage)) amount(`usage.${unit}`, used);
    await ctx.db.patch("calls", call._id, { usage: args.usage });
    return null;
  },
});

/**
 * Calls that may still be going on with nobody in charge: their lease has ended. A worker gets its own (of this
 * or an earlier incarnation) and those of workers that have stopped.
 */
export const orphans = workerQuery({
  args: { workerId: v.string() },
  returns: v.array(
    v.object({
      callId: v.id("calls"),
      requestId: v.id("requests"),
      callSid: v.optional(v.string()),
      to: v.string(),
      dialedAt: v.optional(v.number()),
    }),
  ),
  handler: async (ctx, { workerId }) => {
    const found = [];
    for (const status of ORDER.slice(0, -1)) {
      const calls = await ctx.db
        .query("calls")
        .withIndex("by_status", (q) => q.eq("status", status))
        .take(MAX_UNENDED);
      for (const call of calls) {
        if (await inCharge(ctx, call)) continue;
        if (call.workerId !== workerId && !(await hasStopped(ctx, call.workerId))) continue;
        const { _id: callId, requestId, callSid, to, dialedAt } = call;
        found.push({ callId, requestId, callSid, to, dialedAt });
      }
    }
    return found;
  },
});

/** An orphan was hung up, or had ended by itself. Refused while somebody is in charge of the call. */
export const resolveOrphan = workerMutation({
  args: { callId: v.id("calls"), endReason: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await requireCall(ctx, args.callId);
    const endReason = text("endReason", args.endReason, MAX_REASON_CHARS);
    if (call.status === "ended") return null;
    if (await inCharge(ctx, call)) fail("CONFLICT", "This call is no orphan: its lease is live", "callId");
    await endCall(ctx, call, endReason, Date.now());
    return null;
  },
});

async function hasStopped(ctx: QueryCtx, workerId: string): Promise<boolean> {
  const worker = await ctx.db
    .query("workers")
    .withIndex("by_worker", (q) => q.eq("workerId", workerId))
    .unique();
  return worker === null || worker.status === "stopped";
}

/** The sid that the call has, or now gets. A callback for another sid is not about this call. */
function sameSid(call: Doc<"calls">, callSid: string): string {
  const sid = identifier("callSid", callSid);
  if (call.callSid === undefined || call.callSid === sid) return sid;
  fail("FORBIDDEN", "The carrier knows this call under another sid", "callSid");
}
