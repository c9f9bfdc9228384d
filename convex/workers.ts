/** The daemons: who is there, that they are alive, and what concerns them. */
import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import { internalMutation, type QueryCtx } from "./_generated/server";
import { MAX_QUESTIONS } from "./asking";
import { fail } from "./errors";
import { loseLease } from "./expiry";
import { workerMutation, workerQuery } from "./functions";
import { identifier, list, MAX_NAME_CHARS, text, whole } from "./input";
import { LEASE_MS, leaseByToken, leasesOf, MAX_LEASES, renewLease } from "./leases";
import { log } from "./log";
import { questionStatus, workerStatus } from "./schema";

/** By then its leases have expired, and it has missed a second minute of heartbeats. */
const SILENT_MS = 2 * LEASE_MS;
/** One sweep; a fleet that is larger is swept a minute later. */
const MAX_SWEPT = 200;

function workerById(ctx: QueryCtx, workerId: string): Promise<Doc<"workers"> | null> {
  return ctx.db
    .query("workers")
    .withIndex("by_worker", (q) => q.eq("workerId", workerId))
    .unique();
}

/** The worker's row, if this incarnation is the one that registered last. */
export async function currentWorker(
  ctx: QueryCtx,
  workerId: string,
  incarnation: string,
): Promise<Doc<"workers">> {
  const worker = await workerById(ctx, workerId);
  if (worker === null) fail("NOT_FOUND", "This worker is not registered: call workers:register", "workerId");
  if (worker.incarnation !== incarnation) {
    fail("CONFLICT", "A newer process has registered under this worker id: stop this one", "incarnation");
  }
  return worker;
}

/**
 * Say that a process has started. Its predecessor under the same id is gone, so the predecessor's leases end
 * now instead of a minute later.
 */
export const register = workerMutation({
  args: { workerId: v.string(), incarnation: v.string(), version: v.string(), maxCalls: v.number() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const workerId = identifier("workerId", args.workerId);
    const incarnation = identifier("incarnation", args.incarnation);
    const version = text("version", args.version, MAX_NAME_CHARS);
    const maxCalls = whole("maxCalls", args.maxCalls);
    const now = Date.now();
    const known = await workerById(ctx, workerId);
    if (known?.incarnation === incarnation) {
      await ctx.db.patch("workers", known._id, { status: "running", heartbeatAt: now });
      return null;
    }
    for (const lease of await leasesOf(ctx, workerId)) await loseLease(ctx, lease, "replaced");
    const row = { workerId, incarnation, version, maxCalls, calls: 0, startedAt: now, heartbeatAt: now };
    if (known === null) await ctx.db.insert("workers", { ...row, status: "running" });
    else await ctx.db.replace("workers", known._id, { ...row, status: "running" });
    log("worker", { worker: workerId, status: "running" });
    return null;
  },
});

/** Renew what is still held; what is not is listed, and is to be hung up. */
export const heartbeat = workerMutation({
  args: {
    workerId: v.string(),
    incarnation: v.string(),
    status: workerStatus,
    calls: v.number(),
    leases: v.array(v.object({ requestId: v.id("requests"), token: v.string() })),
  },
  returns: v.object({ lost: v.array(v.id("requests")) }),
  handler: async (ctx, args) => {
    const worker = await currentWorker(ctx, args.workerId, args.incarnation);
    const lost: Id<"requests">[] = [];
    for (const { requestId, token } of list("leases", args.leases, MAX_LEASES)) {
      const lease = await leaseByToken(ctx, token);
      const held = lease?.requestId === requestId && lease.workerId === args.workerId;
      if (lease !== null && held && lease.endedAt === undefined) await renewLease(ctx, lease);
      else lost.push(requestId);
    }
    if (worker.status !== args.status) log("worker", { worker: worker.workerId, status: args.status });
    await ctx.db.patch("workers", worker._id, {
      status: args.status,
      calls: whole("calls", args.calls),
      heartbeatAt: Date.now(),
    });
    return { lost };
  },
});

/**
 * What a worker must hear of at once: its leases (a request that a person cancelled is gone from them) and the
 * questions that were asked while somebody holds the line.
 */
export const inbox = workerQuery({
  args: { workerId: v.string() },
  returns: v.object({
    leases: v.array(v.object({ requestId: v.id("requests"), token: v.string() })),
    questions: v.array(
      v.object({
        questionId: v.id("questions"),
        requestId: v.id("requests"),
        callId: v.id("calls"),
        status: questionStatus,
        answer: v.optional(v.string()),
      }),
    ),
  }),
  handler: async (ctx, { workerId }) => {
    const leases = await leasesOf(ctx, workerId);
    const questions = [];
    for (const { requestId } of leases) {
      const asked = await ctx.db
        .query("questions")
        .withIndex("by_request", (q) => q.eq("requestId", requestId))
        .take(MAX_QUESTIONS);
      for (const { _id, callId, status, answer, workerId: asker } of asked) {
        if (callId === undefined || status === "cancelled" || asker !== workerId) continue;
        questions.push({ questionId: _id, requestId, callId, status, answer });
      }
    }
    return { leases: leases.map(({ requestId, token }) => ({ requestId, token })), questions };
  },
});

/** Workers that fell silent are stopped. Their leases have expired by themselves. */
export const sweep = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    for (const status of ["running", "draining"] as const) {
      const silent = await ctx.db
        .query("workers")
        .withIndex("by_status", (q) => q.eq("status", status).lt("heartbeatAt", Date.now() - SILENT_MS))
        .take(MAX_SWEPT);
      for (const worker of silent) {
        await ctx.db.patch("workers", worker._id, { status: "stopped" });
        log("worker", { worker: worker.workerId, status: "stopped" });
      }
    }
    return null;
  },
});
