/** What Floyd asked its owner, answered in a client or by SMS. */
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx, QueryCtx } from "./_generated/server";
import { closeQuestion, MAX_QUESTIONS, openQuestions } from "./asking";
import { fail } from "./errors";
import { userMutation, userQuery } from "./functions";
import { MAX_ANSWER_CHARS, text } from "./input";
import { move } from "./lifecycle";
import schema from "./schema";

const openQuestion = schema.doc("questions").extend({ requestText: v.string() });

/** What waits for an answer from this person, with what they had asked for. */
export const open = userQuery({
  args: {},
  returns: v.array(openQuestion),
  handler: async (ctx): Promise<Infer<typeof openQuestion>[]> => {
    const shown = [];
    for (const question of await openQuestionsOf(ctx, ctx.user._id)) {
      const request = await ctx.db.get("requests", question.requestId);
      shown.push({ ...question, requestText: request?.text ?? "" });
    }
    return shown;
  },
});

/** Answer a question, named by its own id or by that of its request. The same answer again changes nothing. */
export const answer = userMutation({
  args: { id: v.string(), text: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const reply = text("text", args.text, MAX_ANSWER_CHARS);
    const questionId = ctx.db.normalizeId("questions", args.id);
    const requestId = ctx.db.normalizeId("requests", args.id);
    if (questionId !== null) {
      const question = await ctx.db.get("questions", questionId);
      if (question === null || question.userId !== ctx.user._id) noSuchQuestion();
      await answerQuestion(ctx, question, reply);
    } else if (requestId !== null) {
      const request = await ctx.db.get("requests", requestId);
      if (request === null || request.userId !== ctx.user._id) noSuchQuestion();
      await answerQuestion(ctx, await theQuestionOf(ctx, requestId, reply), reply);
    } else noSuchQuestion();
    return null;
  },
});

/**
 * Write an answer. If the request waited for it, it is pending again; if somebody holds the line, the worker
 * hears of it through its inbox.
 */
export async function answerQuestion(
  ctx: MutationCtx,
  question: Doc<"questions">,
  reply: string,
): Promise<void> {
  if (question.status === "answered" && question.answer === reply) return;
  if (question.status !== "open") {
    fail("CONFLICT", `This question is ${question.status}: it can't be answered any more`, "id");
  }
  await closeQuestion(ctx, question._id, "answered", reply);
  const request = await ctx.db.get("requests", question.requestId);
  if (request?.status === "needsInput") {
    // A moment that the owner had chosen for the call has gone by while Floyd waited for them.
    await move(ctx, request, "pending", "answer", { notBefore: Date.now(), anyHour: undefined });
  }
}

export function openQuestionsOf(ctx: QueryCtx, userId: Id<"users">): Promise<Doc<"questions">[]> {
  return ctx.db
    .query("questions")
    .withIndex("by_user", (q) => q.eq("userId", userId).eq("status", "open"))
    .take(MAX_QUESTIONS);
}

/** The open question of a request; when none is, the one that has just this answer already. */
async function theQuestionOf(
  ctx: MutationCtx,
  requestId: Id<"requests">,
  reply: string,
): Promise<Doc<"questions">> {
  const [first, second] = await openQuestions(ctx, requestId);
  if (second !== undefined) {
    fail("CONFLICT", "More than one question of this request is open: give the question's id", "id");
  }
  if (first !== undefined) return first;
  const answered = await ctx.db
    .query("questions")
    .withIndex("by_request", (q) => q.eq("requestId", requestId).eq("status", "answered"))
    .order("desc")
    .take(MAX_QUESTIONS);
  const same = answered.find((question) => question.answer === reply);
  if (same === undefined) fail("CONFLICT", "No question of this request is open", "id");
  return same;
}

function noSuchQuestion(): never {
  fail("NOT_FOUND", "You have no such question or request", "id");
}
