/** What a client shows of one request, in one live query. */
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";
import { callsOf } from "./callRows";
import { MAX_ATTEMPTS, MAX_HINTS_PER_CALL } from "./input";
import { cost, costOf, pricesOf } from "./pricing";
import schema, { requestStatus } from "./schema";

/** More than fits a screen many times over; the newest lines are kept. `transcript:list` has them all. */
export const MAX_LINES_SHOWN = 1_000;
const MAX_TURNS_SHOWN = 1_000;
const MAX_QUESTIONS_SHOWN = 100;
const MAX_DISCLOSURES_SHOWN = 200;
const MAX_HINTS_SHOWN = MAX_ATTEMPTS * MAX_HINTS_PER_CALL;

/** A call without what only its worker needs. `cost`: if the deployment knows prices, and the call its usage. */
const shownCall = schema
  .doc("calls")
  .omit("leaseId", "mediaTokenHash")
  .extend({ cost: v.optional(cost) });

export const shownRequest = v.object({
  request: schema.doc("requests"),
  calls: v.array(shownCall),
  /** By attempt, then in the order spoken. */
  transcript: v.array(schema.doc("transcript")),
  turns: v.array(schema.doc("turns")),
  questions: v.array(schema.doc("questions")),
  disclosures: v.array(schema.doc("disclosures")),
  /** What its owner whispered, in order. */
  hints: v.array(schema.doc("hints")),
  live: v.array(schema.doc("live")),
  /** Who is at work on it. */
  lease: v.union(v.null(), v.object({ workerId: v.string() })),
  /** The latest request that repeats this one. */
  again: v.union(v.null(), v.object({ requestId: v.id("requests"), status: requestStatus })),
});

/** `lines`: so many of the newest at most. `live: false`: without the words being spoken now. */
export async function showRequest(
  ctx: QueryCtx,
  request: Doc<"requests">,
  { lines = MAX_LINES_SHOWN, live = true }: { lines?: number; live?: boolean },
): Promise<Infer<typeof shownRequest>> {
  const requestId = request._id;
  const calls = await callsOf(ctx, requestId);
  const prices = pricesOf(process.env.FLOYD_PRICES);
  const again = await ctx.db
    .query("requests")
    .withIndex("by_again", (q) => q.eq("againOf", requestId))
    .order("desc")
    .first();
  return {
    request,
    calls: calls.map(({ leaseId: _lease, mediaTokenHash: _hash, ...call }) => ({
      ...call,
      cost: call.usage && costOf(call.usage, prices),
    })),
    transcript: await transcriptOf(ctx, calls, Math.min(lines, MAX_LINES_SHOWN)),
    turns: await turnsOf(ctx, calls),
    questions: (
      await ctx.db
        .query("questions")
        .withIndex("by_request", (q) => q.eq("requestId", requestId))
        .take(MAX_QUESTIONS_SHOWN)
    ).sort((a, b) => a._creationTime - b._creationTime),
    disclosures: await ctx.db
      .query("disclosures")
      .withIndex("by_request", (q) => q.eq("requestId", requestId))
      .take(MAX_DISCLOSURES_SHOWN),
    live: live ? await liveWords(ctx, requestId) : [],
    lease: request.workerId === undefined ? null : { workerId: request.workerId },
    hints: await ctx.db
      .query("hints")
      .withIndex("by_request", (q) => q.eq("requestId", requestId))
      .take(MAX_HINTS_SHOWN),
    again: again && { requestId: again._id, status: again.status },
  };
}

/** The words being spoken on a request's calls; there are never two calls at a time. */
export function liveWords(ctx: QueryCtx, requestId: Id<"requests">): Promise<Doc<"live">[]> {
  return ctx.db
    .query("live")
    .withIndex("by_request", (q) => q.eq("requestId", requestId))
    .take(MAX_ATTEMPTS);
}

async function transcriptOf(
  ctx: QueryCtx,
  calls: Doc<"calls">[],
  most: number,
): Promise<Doc<"transcript">[]> {
  const newestFirst: Doc<"transcript">[] = [];
  for (const call of calls.toReversed()) {
    const room = most - newestFirst.length;
    if (room === 0) break;
    const lines = ctx.db.query("transcript").withIndex("by_call", (q) => q.eq("callId", call._id));
    newestFirst.push(...(await lines.order("desc").take(room)));
  }
  return newestFirst.reverse();
}

async function turnsOf(ctx: QueryCtx, calls: Doc<"calls">[]): Promise<Doc<"turns">[]> {
  const newestFirst: Doc<"turns">[] = [];
  for (const call of calls.toReversed()) {
    const room = MAX_TURNS_SHOWN - newestFirst.length;
    if (room === 0) break;
    const turns = ctx.db.query("turns").withIndex("by_call", (q) => q.eq("callId", call._id));
    newestFirst.push(...(await turns.order("desc").take(room)));
  }
  return newestFirst.reverse();
}
