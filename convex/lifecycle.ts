/**
 * The life of a request: the table of legal transitions, and the one function that makes them.
 *
 *   pending    -> inFlight     claimed by a worker
 *   inFlight   -> pending      lease lost, worker drained or call hours over before dialling; or a retry is due later
 *   inFlight   -> needsInput   Floyd lacks something; a question is open, with a deadline
 *   needsInput -> pending      answered
 *   needsInput -> failed       nobody answered in time
 *   inFlight   -> completed | failed
 *   pending, inFlight, needsInput -> cancelled
 *
 * What always goes with a transition happens here and nowhere else: whoever leaves inFlight gives up the lease, a
 * question that nobody waits for any more is closed, and what becomes pending is due within its owner's call hours.
 */
import type { Infer } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx } from "./_generated/server";
import { cancelQuestions } from "./asking";
import { type Due, due } from "./due";
import { fail } from "./errors";
import { type Ending, endLease, type Loss, liveLease } from "./leases";
import { log } from "./log";
import type { requestStatus, standing } from "./schema";

export type Status = Infer<typeof requestStatus>;

export const TRANSITIONS: Record<Status, readonly Status[]> = {
  pending: ["inFlight", "cancelled"],
  inFlight: ["pending", "needsInput", "completed", "failed", "cancelled"],
  needsInput: ["pending", "failed", "cancelled"],
  completed: [],
  failed: [],
  cancelled: [],
};

/** Why a request moves. It is also written on the lease that ends by it. */
export type Cause = Ending | Loss | "claim" | "cancel" | "answer" | "deadline";

/** What each status is to the owner. A cancelled request has come to nothing, as a failed one has. */
export const STANDING: Record<Status, Infer<typeof standing>> = {
  pending: "active",
  inFlight: "active",
  needsInput: "waiting",
  completed: "done",
  failed: "failed",
  cancelled: "failed",
};

export function isLegal(from: Status, to: Status): boolean {
  return TRANSITIONS[from].includes(to);
}

export function isOver(status: Status): boolean {
  return TRANSITIONS[status].length === 0;
}

type Change = Partial<
  Pick<
    Doc<"requests">,
    "notBefore" | "anyHour" | "workerId" | "stage" | "planDone" | "outcome" | "lostLeases"
  >
>;

type Aside = {
  /** The question that stays open through the transition. */
  question?: Id<"questions">;
  /** For the log. */
  reason?: string;
};

/** Move a request to another status, or CONFLICT. `change` is written in the same patch. */
export async function move(
  ctx: MutationCtx,
  request: Doc<"requests">,
  to: Status,
  cause: Cause,
  change: Change = {},
  aside: Aside = {},
): Promise<void> {
  const from = request.status;
  if (!isLegal(from, to)) {
    fail("CONFLICT", `The request is ${from}: it cannot become ${to}`, "status");
  }
  if (from === "inFlight") {
    const lease = await liveLease(ctx, request._id);
    if (lease !== null) await endLease(ctx, lease, cause, aside.question);
  }
  await cancelQuestions(ctx, request._id, aside.question);
  const settled = {
    ...(to === "inFlight" ? {} : { stage: undefined, workerId: undefined }),
    ...change,
    ...(to === "pending" ? await dueAgain(ctx, { ...request, ...change }) : { movedFrom: undefined }),
    standing: STANDING[to],
  };
  await ctx.db.patch("requests", request._id, { ...settled, status: to, updatedAt: Date.now() });
  log("transition", { request: request._id, from, to, by: cause, reason: aside.reason });
  if (isOver(to)) {
    log("outcome", { request: request._id, status: to, kind: change.outcome?.kind ?? request.outcome?.kind });
  }
}

async function dueAgain(ctx: MutationCtx, request: Doc<"requests">): Promise<Due> {
  const user = await ctx.db.get("users", request.userId);
  if (user === null) fail("NOT_FOUND", "The person of this request is gone", "userId");
  return due(user, request.notBefore, request.anyHour);
}
