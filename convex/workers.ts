/** The daemons: who is there, that they are alive, and what concerns them. */
import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import { internalMutation, type QueryCtx } from "./_generated/server";
import { MAX_QUESTIONS } from "./asking";
import { unendedCall } from "./callRows";
import { fail } from "./errors";
import { loseLease } from "./expiry";
import { operatorMutation, operatorQuery, workerMutation, workerQuery } from "./functions";
import { list as atMost, identifier, MAX_ADDRESS_CHARS, MAX_NAME_CHARS, text, whole } from "./input";
import { LEASE_MS, leaseByToken, leasesOf, MAX_LEASES, renewLease } from "./leases";
import { log } from "./log";
import schema, { control, questionStatus, workerStatus } from "./schema";
import { controlOf, waitingHints } from "./steering";

/** By then its leases have expired, and it has missed a second minute of heartbeats. */
const SILENT_MS = 2 * LEASE_MS;
/** A page of workers; whoever runs more looks at their metrics. */
const MAX_LISTED = 200;
/** One sweep; a fleet that is larger is swept a minute later. */
const MAX_SWEPT = 200;

export function workerById(ctx: QueryCtx, workerId: string): Promise<Doc<"workers"> | null> {
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
 * now instead of a minute later. A new process is not draining, whatever was wanted of the old one.
 * `address`: where it serves browsers, e.g. https://calls.example.com.
 */
export const register = workerMutation({
  args: {
    workerId: v.string(),
    incarnation: v.string(),
    version: v.string(),
    maxCalls: v.number(),
    address: v.optional(v.string()),
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const workerId = identifier("workerId", args.workerId);
    const incarnation = identifier("incarnation", args.incarnation);
    const version = text("version", args.version, MAX_NAME_CHARS);
    const maxCalls = whole("maxCalls", args.maxCalls);
    const address = args.address === undefined ? undefined : webAddress("address", args.address);
    const now = Date.now();
    const known = await workerById(ctx, workerId);
    if (known?.incarnation === incarnation) {
      await ctx.db.patch("workers", known._id, { status: "running", heartbeatAt: now });
      return null;
    }
    for (const lease of await leasesOf(ctx, workerId)) await loseLease(ctx, lease, "replaced");
    const row = {
      workerId,
      incarnation,
      version,
      maxCalls,
      address,
      calls: 0,
      startedAt: now,
      heartbeatAt: now,
    };
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
    for (const { requestId, token } of atMost("leases", args.leases, MAX_LEASES)) {
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
 * What a worker must hear of at once: its leases (a request that a person cancelled is gone from them), the
 * questions that were asked while somebody holds the line, what the owners of its calls want (who is to speak,
 * whether to hang up, and hints that were not taken yet, oldest first), and whether it is to drain.
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
    calls: v.array(
      v.object({
        callId: v.id("calls"),
        requestId: v.id("requests"),
        control,
        hints: v.array(v.object({ hintId: v.id("hints"), text: v.string() })),
      }),
    ),
    drain: v.boolean(),
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
    const calls = [];
    for (const lease of leases) {
      const call = await unendedCall(ctx, lease.requestId);
      if (call === null || call.leaseId !== lease._id) continue;
      const hints = (await waitingHints(ctx, call._id)).map(({ _id, text }) => ({ hintId: _id, text }));
      calls.push({ callId: call._id, requestId: call.requestId, control: controlOf(call), hints });
    }
    const drain = (await workerById(ctx, workerId))?.drain ?? false;
    return { leases: leases.map(({ requestId, token }) => ({ requestId, token })), questions, calls, drain };
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

// ---- what an operator does

/** All workers, by their ids. */
export const list = operatorQuery({
  args: {},
  returns: v.array(schema.doc("workers").omit("incarnation")),
  handler: async (ctx) => {
    const workers = await ctx.db.query("workers").withIndex("by_worker").take(MAX_LISTED);
    return workers.map(({ incarnation: _incarnation, ...worker }) => worker);
  },
});

/** Let a worker take nothing new, or let it again. What it has begun it brings to an end. */
export const drain = operatorMutation({
  args: { workerId: v.string(), drain: v.boolean() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const worker = await workerById(ctx, args.workerId);
    if (worker === null) fail("NOT_FOUND", "There is no such worker", "workerId");
    if ((worker.drain ?? false) === args.drain) return null;
    await ctx.db.patch("workers", worker._id, { drain: args.drain || undefined });
    log("worker", { worker: worker.workerId, drain: String(args.drain) });
    return null;
  },
});

/** An origin, as browsers write it: scheme, host and perhaps a port. */
function webAddress(field: string, value: string): string {
  const given = text(field, value, MAX_ADDRESS_CHARS);
  const url = URL.canParse(given) ? new URL(given) : null;
  const bare = url !== null && url.href === `${url.origin}/`;
  if (bare && (url.protocol === "https:" || url.protocol === "http:")) return url.origin;
  fail("BAD_INPUT", `\`${field}\` must be an address like https://calls.example.com, without a path`, field);
}
