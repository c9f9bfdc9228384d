/**
 * Questions to the owner: rows only. Opening one queues an SMS if the owner has a phone; closing it drops what
 * has not been sent. What an answer or a deadline does to the request is decided by the callers.
 */
import type { Infer } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx, QueryCtx } from "./_generated/server";
import { MAX_SMS_CHARS } from "./input";
import type { questionStatus } from "./schema";

/** A request asks one thing at a time; a handful at most while a call is on. */
export const MAX_QUESTIONS = 50;

export function openQuestions(ctx: QueryCtx, requestId: Id<"requests">): Promise<Doc<"questions">[]> {
  return ctx.db
    .query("questions")
    .withIndex("by_request", (q) => q.eq("requestId", requestId).eq("status", "open"))
    .take(MAX_QUESTIONS);
}

/**
 * Open a question and schedule its deadline. The same text, open already, is the same question: then only its
 * deadline and whether somebody holds the line (`callId`) are brought up to date.
 */
export async function openQuestion(
  ctx: MutationCtx,
  request: Doc<"requests">,
  question: { text: string; deadline: number; workerId: string; callId?: Id<"calls"> },
): Promise<Id<"questions">> {
  const known = (await openQuestions(ctx, request._id)).find((open) => open.text === question.text);
  if (known !== undefined) {
    if (known.deadline !== question.deadline || known.callId !== question.callId) {
      await ctx.db.patch("questions", known._id, { deadline: question.deadline, callId: question.callId });
      await scheduleDeadline(ctx, known._id, question.deadline);
    }
    return known._id;
  }
  const questionId = await ctx.db.insert("questions", {
    requestId: request._id,
    userId: request.userId,
    status: "open",
    ...question,
  });
  await scheduleDeadline(ctx, questionId, question.deadline);
  await queueMessage(ctx, request.userId, questionId, question.text);
  return questionId;
}

async function scheduleDeadline(
  ctx: MutationCtx,
  questionId: Id<"questions">,
  deadline: number,
): Promise<void> {
  // Not cancelled by an answer: the job looks whether the question is still open, and due.
  await ctx.scheduler.runAt(Math.max(deadline, Date.now()), internal.expiry.question, { questionId });
}

export async function closeQuestion(
  ctx: MutationCtx,
  questionId: Id<"questions">,
  status: Exclude<Infer<typeof questionStatus>, "open">,
  answer?: string,
): Promise<void> {
  const answered = answer === undefined ? {} : { answer, answeredAt: Date.now() };
  await ctx.db.patch("questions", questionId, { status, ...answered });
  const queued = await ctx.db
    .query("messages")
    .withIndex("by_question", (q) => q.eq("questionId", questionId).eq("status", "queued"))
    .take(MAX_QUESTIONS);
  for (const message of queued) await ctx.db.patch("messages", message._id, { status: "dropped" });
}

export async function cancelQuestions(
  ctx: MutationCtx,
  requestId: Id<"requests">,
  except?: Id<"questions">,
): Promise<void> {
  for (const question of await openQuestions(ctx, requestId)) {
    if (question._id !== except) await closeQuestion(ctx, question._id, "cancelled");
  }
}

async function queueMessage(
  ctx: MutationCtx,
  userId: Id<"users">,
  questionId: Id<"questions">,
  question: string,
): Promise<void> {
  const user = await ctx.db.get("users", userId);
  if (!user?.phone) return;
  const body = `Floyd asks: ${question}\nReply to this message to answer.`.slice(0, MAX_SMS_CHARS);
  await ctx.db.insert("messages", {
    userId,
    questionId,
    direction: "out",
    status: "queued",
    to: user.phone,
    body,
  });
}
