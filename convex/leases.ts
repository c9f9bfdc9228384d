/**
 * Leases: rows only. A lease is live while its row has no `endedAt`; nobody compares clocks. It ends through
 * `lifecycle.ts` when the request moves on, and by the expiry mutation in `expiry.ts` when its worker falls silent.
 */
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx, QueryCtx } from "./_generated/server";
import { fail } from "./errors";

/** Six heartbeats of 10 s: a worker may miss five, for a reconnect or a pause, before its calls are given up. */
export const LEASE_MS = 60_000;

/** What a worker does to end its lease; doing it again with the same token is harmless. */
export type Ending = "finish" | "release" | "ask" | "needInput" | "hours";
/** Or what ends it without the worker. */
export type Loss = "expired" | "replaced";

export function liveLease(ctx: QueryCtx, requestId: Id<"requests">): Promise<Doc<"leases"> | null> {
  return ctx.db
    .query("leases")
    .withIndex("by_request", (q) => q.eq("requestId", requestId).eq("endedAt", undefined))
    .unique();
}

export function leaseByToken(ctx: QueryCtx, token: string): Promise<Doc<"leases"> | null> {
  return ctx.db
    .query("leases")
    .withIndex("by_token", (q) => q.eq("token", token))
    .unique();
}

/** More calls than one process can carry. */
export const MAX_LEASES = 500;

/** A worker's live leases. */
export function leasesOf(ctx: QueryCtx, workerId: string): Promise<Doc<"leases">[]> {
  return ctx.db
    .query("leases")
    .withIndex("by_worker", (q) => q.eq("workerId", workerId).eq("endedAt", undefined))
    .take(MAX_LEASES);
}

/** The live lease that `token` is for, or LEASE_LOST. */
export async function requireLease(
  ctx: QueryCtx,
  requestId: Id<"requests">,
  token: string,
): Promise<Doc<"leases">> {
  const lease = await leaseByToken(ctx, token);
  if (lease !== null && lease.requestId === requestId && lease.endedAt === undefined) return lease;
  leaseLost();
}

/**
 * As `requireLease`, for an operation that ends the lease. `repeated`: this very operation has ended it
 * already, so there is nothing left to do; the row tells what the first run did.
 */
export async function leaseToEnd(
  ctx: QueryCtx,
  requestId: Id<"requests">,
  token: string,
  operation: Ending,
): Promise<{ lease: Doc<"leases">; repeated: boolean }> {
  const lease = await leaseByToken(ctx, token);
  if (lease === null || lease.requestId !== requestId) leaseLost();
  if (lease.endedAt === undefined) return { lease, repeated: false };
  if (lease.endedBy === operation) return { lease, repeated: true };
  leaseLost();
}

function leaseLost(): never {
  fail(
    "LEASE_LOST",
    "This request is not, or no longer, leased under this token: stop, and hang up",
    "token",
  );
}

/** Write the lease, and the job that looks at it when it is due. */
export async function grantLease(
  ctx: MutationCtx,
  lease: { requestId: Id<"requests">; workerId: string; incarnation: string; token: string },
): Promise<void> {
  const leaseId = await ctx.db.insert("leases", { ...lease, expiresAt: Date.now() + LEASE_MS });
  await ctx.scheduler.runAfter(LEASE_MS, internal.expiry.lease, { leaseId });
}

/**
 * A heartbeat moves the date and leaves the job alone: the job looks again at the new date. So six heartbeats
 * cost six small writes and one job, where cancelling and scheduling would cost six of each.
 */
export async function renewLease(ctx: MutationCtx, lease: Doc<"leases">): Promise<void> {
  await ctx.db.patch("leases", lease._id, { expiresAt: Date.now() + LEASE_MS });
}

export async function endLease(
  ctx: MutationCtx,
  lease: Doc<"leases">,
  endedBy: string,
  questionId?: Id<"questions">,
): Promise<void> {
  await ctx.db.patch("leases", lease._id, { endedAt: Date.now(), endedBy, questionId });
}
