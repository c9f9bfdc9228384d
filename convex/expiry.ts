/** What happens when nobody came back: a lease that was not renewed, a question that was not answered. */
import { v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { internalMutation, type MutationCtx } from "./_generated/server";
import { closeQuestion } from "./asking";
import { callsOf } from "./callRows";
import { endLease, type Loss } from "./leases";
import { move } from "./lifecycle";
import { log } from "./log";

/** Workers that may lose a request before it dials. One crash is an accident; ten are the request's doing. */
export const MAX_LOST_LEASES = 10;

/**
 * End a lease whose worker is gone. If it had begun a call, the request is over, because dialling again by itself
 * would call the same people twice. A call that may still be going on stays unended, so that `calls:orphans` lists
 * it for hang-up. Before that the request is offered again.
 */
export async function loseLease(ctx: MutationCtx, lease: Doc<"leases">, why: Loss): Promise<void> {
  log("lease-lost", { request: lease.requestId, worker: lease.workerId, by: why });
  const request = await ctx.db.get("requests", lease.requestId);
  if (request === null || request.status !== "inFlight") {
    await endLease(ctx, lease, why);
    return;
  }
  const lostLeases = (request.lostLeases ?? 0) + 1;
  const call = (await callsOf(ctx, request._id)).find((call) => call.leaseId === lease._id);
  if (call !== undefined) {
    const summary =
      call.status === "ended"
        ? "The call was made, but the worker stopped before it had written how the call came out; see the transcript."
        : "The worker making the call stopped answering, so the call could not be followed to its end.";
    await move(ctx, request, "failed", why, { outcome: { kind: "interrupted", summary, reported: [] } });
  } else if (lostLeases >= MAX_LOST_LEASES) {
    const summary = `Given up before dialling: ${lostLeases} workers stopped while they prepared this request.`;
    await move(ctx, request, "failed", why, {
      lostLeases,
      outcome: { kind: "error", summary, reported: [] },
    });
  } else {
    await move(ctx, request, "pending", why, { lostLeases });
  }
}

export const lease = internalMutation({
  args: { leaseId: v.id("leases") },
  returns: v.null(),
  handler: async (ctx, { leaseId }) => {
    const lease = await ctx.db.get("leases", leaseId);
    if (lease === null || lease.endedAt !== undefined) return null;
    if (lease.expiresAt > Date.now()) {
      await ctx.scheduler.runAt(lease.expiresAt, internal.expiry.lease, { leaseId });
    } else {
      await loseLease(ctx, lease, "expired");
    }
    return null;
  },
});

export const question = internalMutation({
  args: { questionId: v.id("questions") },
  returns: v.null(),
  handler: async (ctx, { questionId }) => {
    const question = await ctx.db.get("questions", questionId);
    if (question === null || question.status !== "open") return null;
    if (question.deadline > Date.now()) {
      await ctx.scheduler.runAt(question.deadline, internal.expiry.question, { questionId });
      return null;
    }
    await closeQuestion(ctx, questionId, "expired");
    const request = await ctx.db.get("requests", question.requestId);
    if (request?.status !== "needsInput") return null;
    const summary = request.outcome?.summary ?? `Nobody answered in time: ${question.text}`;
    const reported = request.outcome?.reported ?? [];
    await move(ctx, request, "failed", "deadline", { outcome: { kind: "needsInput", summary, reported } });
    return null;
  },
});

/**
 * Ended leases are kept to recognise repeated writes, and lines that a worker buffered through an outage.
 * A worker that comes back after a week has nothing to say about its calls any more.
 */
const LEASES_KEPT_MS = 7 * 24 * 60 * 60 * 1000;
/** One transaction's worth; what is left goes next time. */
const MAX_FORGOTTEN = 500;

export const forgetLeases = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const old = await ctx.db
      .query("leases")
      // From 0: a live lease has no `endedAt`, and what is missing sorts before every number.
      .withIndex("by_end", (q) => q.gte("endedAt", 0).lt("endedAt", Date.now() - LEASES_KEPT_MS))
      .take(MAX_FORGOTTEN);
    for (const lease of old) await ctx.db.delete("leases", lease._id);
    return null;
  },
});
