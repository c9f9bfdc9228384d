/** How a person's request comes into being, and what they may still change of it: its words, its number, its hour. */
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx } from "./_generated/server";
import { due } from "./due";
import { fail } from "./errors";
import { MAX_REQUEST_CHARS, moment, momentAhead, text } from "./input";
import { isOver, STANDING } from "./lifecycle";
import { log } from "./log";
import { numberToCall } from "./suppressions";

type Wanted = {
  text: string;
  to?: string;
  notBefore?: number;
  idempotencyKey?: string;
  againOf?: Id<"requests">;
};

/** Requests of one person whose call hours are looked at anew at once; what lies beyond is looked at when claimed. */
const MAX_REARRANGED = 500;

export async function file(ctx: MutationCtx, user: Doc<"users">, wanted: Wanted): Promise<Id<"requests">> {
  const now = Date.now();
  const from = wanted.notBefore === undefined ? now : momentAhead("notBefore", wanted.notBefore);
  return ctx.db.insert("requests", {
    userId: user._id,
    text: text("text", wanted.text, MAX_REQUEST_CHARS),
    idempotencyKey: wanted.idempotencyKey,
    toNumber: wanted.to === undefined ? undefined : await numberToCall(ctx, "to", wanted.to, user),
    againOf: wanted.againOf,
    status: "pending",
    standing: STANDING.pending,
    ...due(user, Math.max(from, now), undefined),
    attempts: 0,
    updatedAt: now,
  });
}

/**
 * Change what is asked. What Floyd had prepared for the old words is dropped; what it was told and answered stays.
 * While a worker has the request, or when it is over, it is CONFLICT.
 */
export async function edit(
  ctx: MutationCtx,
  user: Doc<"users">,
  request: Doc<"requests">,
  change: { text?: string; to?: string | null },
): Promise<void> {
  if (request.status !== "pending" && request.status !== "needsInput") {
    const remedy = isOver(request.status) ? "file it again" : "cancel it, and file it again";
    fail("CONFLICT", `The request is ${request.status}, and can't be changed any more: ${remedy}`, "status");
  }
  const wanted = change.text === undefined ? request.text : text("text", change.text, MAX_REQUEST_CHARS);
  let toNumber = request.toNumber;
  if (change.to === null) toNumber = undefined;
  else if (change.to !== undefined) toNumber = await numberToCall(ctx, "to", change.to, user);
  if (wanted === request.text && toNumber === request.toNumber) return;
  await ctx.db.patch("requests", request._id, {
    text: wanted,
    toNumber,
    plan: undefined,
    planDone: undefined,
    context: undefined,
    number: undefined,
    updatedAt: Date.now(),
  });
  log("edit", { request: request._id });
}

/** Call at a moment that the owner chooses, inside or outside their call hours; one that is past means now. */
export async function callAt(ctx: MutationCtx, request: Doc<"requests">, at: number): Promise<void> {
  if (request.status !== "pending") {
    fail(
      "CONFLICT",
      `The request is ${request.status}: only one that waits can be given another time`,
      "status",
    );
  }
  const notBefore = Math.max(moment("at", at), Date.now());
  momentAhead("at", notBefore);
  await ctx.db.patch("requests", request._id, {
    notBefore,
    movedFrom: undefined,
    anyHour: true,
    updatedAt: Date.now(),
  });
  log("call-at", { request: request._id, at: new Date(notBefore).toISOString() });
}

/** The same once more, when it is over. While the repetition is under way, asking again is the same repetition. */
export async function callAgain(
  ctx: MutationCtx,
  user: Doc<"users">,
  request: Doc<"requests">,
): Promise<Id<"requests">> {
  if (!isOver(request.status)) {
    fail("CONFLICT", `The request is ${request.status}: it can be called again when it is over`, "status");
  }
  const latest = await ctx.db
    .query("requests")
    .withIndex("by_again", (q) => q.eq("againOf", request._id))
    .order("desc")
    .first();
  if (latest !== null && !isOver(latest.status)) return latest._id;
  return file(ctx, user, { text: request.text, to: request.toNumber, againOf: request._id });
}

/** A person's call hours are others now, and so is the time of what waits. */
export async function rearrange(ctx: MutationCtx, user: Doc<"users">): Promise<void> {
  const active = await ctx.db
    .query("requests")
    .withIndex("by_standing", (q) => q.eq("standing", "active").eq("userId", user._id))
    .take(MAX_REARRANGED);
  for (const request of active) {
    if (request.status !== "pending") continue;
    const now = due(user, request.movedFrom ?? request.notBefore, request.anyHour);
    if (now.notBefore === request.notBefore && now.movedFrom === request.movedFrom) continue;
    await ctx.db.patch("requests", request._id, now);
  }
}

/** It has waited past its owner's call hours, and waits on until the next. */
export async function postpone(
  ctx: MutationCtx,
  user: Doc<"users">,
  request: Doc<"requests">,
): Promise<boolean> {
  const later = due(user, request.movedFrom ?? request.notBefore, request.anyHour);
  if (later.notBefore <= Date.now()) return false;
  await ctx.db.patch("requests", request._id, later);
  log("postponed", { request: request._id, by: "call-hours" });
  return true;
}
