/** Calls: how they are found, and how they end. */
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx, QueryCtx } from "./_generated/server";
import { fail } from "./errors";
import { MAX_ATTEMPTS } from "./input";
import { leaseByToken, liveLease } from "./leases";

/** A request's calls, first to last; there are never more than MAX_ATTEMPTS. */
export function callsOf(ctx: QueryCtx, requestId: Id<"requests">): Promise<Doc<"calls">[]> {
  return ctx.db
    .query("calls")
    .withIndex("by_request", (q) => q.eq("requestId", requestId))
    .take(MAX_ATTEMPTS);
}

/** The call of this request that has not ended, if there is one. There are never two. */
export async function unendedCall(ctx: QueryCtx, requestId: Id<"requests">): Promise<Doc<"calls"> | null> {
  return (await callsOf(ctx, requestId)).find((call) => call.status !== "ended") ?? null;
}

/**
 * The call that was begun under this token, whether or not the lease is still live: what was said and done on a
 * call is kept even if the request was cancelled or given up meanwhile.
 */
export async function callUnder(ctx: QueryCtx, callId: Id<"calls">, token: string): Promise<Doc<"calls">> {
  const call = await requireCall(ctx, callId);
  const lease = await leaseByToken(ctx, token);
  if (lease === null || lease._id !== call.leaseId) {
    fail("LEASE_LOST", "This call was not begun under this token: stop, and hang up", "token");
  }
  return call;
}

/** A call of this person's; another's does not exist. */
export async function ownCall(ctx: QueryCtx, user: Doc<"users">, callId: Id<"calls">): Promise<Doc<"calls">> {
  const call = await ctx.db.get("calls", callId);
  if (call === null || call.userId !== user._id) fail("NOT_FOUND", "You have no such call", "callId");
  return call;
}

/** Whether a worker is on this call: its lease is that under which the call was begun. */
export async function inCharge(ctx: QueryCtx, call: Doc<"calls">): Promise<boolean> {
  return (await liveLease(ctx, call.requestId))?._id === call.leaseId;
}

export async function requireCall(ctx: QueryCtx, callId: Id<"calls">): Promise<Doc<"calls">> {
  const call = await ctx.db.get("calls", callId);
  if (call === null) fail("NOT_FOUND", "There is no such call", "callId");
  return call;
}

/** Mark a call as ended; nothing is being spoken on it any more. */
export async function endCall(
  ctx: MutationCtx,
  call: Doc<"calls">,
  endReason: string,
  endedAt: number,
): Promise<void> {
  await ctx.db.patch("calls", call._id, { status: "ended", endReason, endedAt });
  const live = await ctx.db
    .query("live")
    .withIndex("by_call", (q) => q.eq("callId", call._id))
    .unique();
  if (live !== null) await ctx.db.delete("live", live._id);
}
