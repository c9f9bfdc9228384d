/** What a person does to a call of theirs while it goes on. The worker hears of it through its inbox. */
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx, QueryCtx } from "./_generated/server";
import { inCharge } from "./callRows";
import { fail } from "./errors";
import { MAX_HINT_CHARS, MAX_HINTS_PER_CALL, MAX_HINTS_WAITING, text } from "./input";
import { log } from "./log";
import type { control } from "./schema";

/** Phones that ring for one person at once; more than anybody can pick up. */
const MAX_RINGING = 20;

export function controlOf(call: Doc<"calls">): Infer<typeof control> {
  return call.control ?? { by: "floyd" };
}

/** The hints of a call that its worker has not taken yet, oldest first. */
export function waitingHints(ctx: QueryCtx, callId: Id<"calls">): Promise<Doc<"hints">[]> {
  return ctx.db
    .query("hints")
    .withIndex("by_call", (q) => q.eq("callId", callId).eq("takenAt", undefined))
    .take(MAX_HINTS_WAITING);
}

export async function whisper(ctx: MutationCtx, call: Doc<"calls">, said: string): Promise<void> {
  const hint = text("text", said, MAX_HINT_CHARS);
  await requireGoingOn(ctx, call);
  const hints = await ctx.db
    .query("hints")
    .withIndex("by_call", (q) => q.eq("callId", call._id))
    .take(MAX_HINTS_PER_CALL);
  const waiting = hints.filter(({ takenAt }) => takenAt === undefined);
  // The same words, still waiting, are the same hint sent twice.
  if (waiting.some((one) => one.text === hint)) return;
  if (waiting.length >= MAX_HINTS_WAITING) {
    fail("CONFLICT", `Floyd has ${MAX_HINTS_WAITING} hints yet to read: wait a moment`, "text");
  }
  if (hints.length >= MAX_HINTS_PER_CALL) {
    fail("CONFLICT", `A call takes ${MAX_HINTS_PER_CALL} hints: take over, or hang up`, "text");
  }
  const { _id: callId, requestId, userId } = call;
  await ctx.db.insert("hints", { callId, requestId, userId, text: hint });
  log("hint", { request: requestId, call: callId });
}

/** Write who speaks, or that the call is to end. Doing it again changes nothing. */
export async function steer(
  ctx: MutationCtx,
  call: Doc<"calls">,
  how: "takeOver" | "handBack" | "hangUp",
): Promise<void> {
  const now = controlOf(call);
  if (how === "hangUp") {
    if (call.status !== "ended" && !now.hangUp) await write(ctx, call, { ...now, hangUp: true });
    return;
  }
  await requireGoingOn(ctx, call);
  if (now.hangUp) fail("CONFLICT", "The call is being hung up", "callId");
  // The carrier's word that somebody answered may come after their voice.
  if (how === "takeOver" && call.status !== "answered" && call.mediaOpenedAt === undefined) {
    fail("CONFLICT", "Nobody has picked up yet: take over when they have", "callId");
  }
  const by = how === "takeOver" ? "owner" : "floyd";
  if (now.by === by) return;
  await write(ctx, call, { ...now, by, ...(by === "owner" && { takeOvers: (now.takeOvers ?? 0) + 1 }) });
}

/** Floyd speaks again without having been told to. Nothing to do if it does already. */
export async function giveBack(ctx: MutationCtx, call: Doc<"calls">): Promise<void> {
  const now = controlOf(call);
  if (now.by === "owner" && call.status !== "ended") await write(ctx, call, { ...now, by: "floyd" });
}

async function write(ctx: MutationCtx, call: Doc<"calls">, wanted: Infer<typeof control>): Promise<void> {
  await ctx.db.patch("calls", call._id, { control: wanted });
  const hangUp = wanted.hangUp ? "yes" : undefined;
  log("control", { request: call.requestId, call: call._id, by: wanted.by, hangUp });
}

async function requireGoingOn(ctx: QueryCtx, call: Doc<"calls">): Promise<void> {
  if (call.status === "ended") fail("CONFLICT", "The call is over", "callId");
  if (!(await inCharge(ctx, call))) {
    fail("CONFLICT", "No worker is on this call any more: it is being hung up", "callId");
  }
}

export const ringingShape = v.object({
  callId: v.id("calls"),
  requestId: v.id("requests"),
  to: v.string(),
  calleeName: v.optional(v.string()),
  requestText: v.string(),
});

/** What rings in this person's browser and can be picked up: a worker is on it. */
export async function ringingFor(ctx: QueryCtx, user: Doc<"users">): Promise<Infer<typeof ringingShape>[]> {
  const calls = await ctx.db
    .query("calls")
    .withIndex("by_user", (q) => q.eq("userId", user._id).eq("status", "ringing"))
    .take(MAX_RINGING);
  const ringing = [];
  for (const call of calls) {
    if (call.carrier !== "browser" || !(await inCharge(ctx, call))) continue;
    const request = await ctx.db.get("requests", call.requestId);
    if (request === null) continue;
    const { _id: callId, requestId, to } = call;
    ringing.push({ callId, requestId, to, calleeName: request.number?.name, requestText: request.text });
  }
  return ringing;
}
