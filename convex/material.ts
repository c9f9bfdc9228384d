/**
 * What a worker gets to know of a person for one request. This is the one door through which facts reach a
 * worker, and so the model: accepted ones only, and none marked `never`.
 */
import { type Infer, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";
import { MAX_QUESTIONS } from "./asking";
import { callsOf } from "./callRows";
import { MAX_CONTACTS, MAX_FACTS } from "./input";
import schema, { sharing, speaker } from "./schema";

/** Earlier calls of the same request, together: about an hour of talk. The newest lines are kept. */
const MAX_EARLIER_LINES = 1_000;

export const materialShape = v.object({
  facts: v.array(v.object({ factId: v.id("facts"), text: v.string(), sharing })),
  contacts: v.array(schema.doc("contacts")),
  /** Earlier calls of this request, first to last. `outcome`: why the call ended, in a word. */
  earlier: v.array(
    v.object({
      attempt: v.number(),
      to: v.string(),
      outcome: v.optional(v.string()),
      transcript: v.array(v.object({ speaker, text: v.string(), seq: v.number() })),
    }),
  ),
  answers: v.array(v.object({ question: v.string(), answer: v.string() })),
  user: schema.doc("users"),
});

export async function materialFor(
  ctx: QueryCtx,
  request: Doc<"requests">,
  user: Doc<"users">,
): Promise<Infer<typeof materialShape>> {
  const facts = await ctx.db
    .query("facts")
    .withIndex("by_user", (q) => q.eq("userId", user._id).eq("status", "accepted"))
    .take(MAX_FACTS);
  const contacts = await ctx.db
    .query("contacts")
    .withIndex("by_user", (q) => q.eq("userId", user._id))
    .take(MAX_CONTACTS);
  const answered = await ctx.db
    .query("questions")
    .withIndex("by_request", (q) => q.eq("requestId", request._id).eq("status", "answered"))
    .take(MAX_QUESTIONS);
  return {
    facts: facts
      .filter((fact) => fact.sharing !== "never")
      .map(({ _id, text, sharing }) => ({ factId: _id, text, sharing })),
    contacts,
    earlier: await earlierCalls(ctx, request),
    answers: answered.map(({ text, answer }) => ({ question: text, answer: answer ?? "" })),
    user,
  };
}

async function earlierCalls(
  ctx: QueryCtx,
  request: Doc<"requests">,
): Promise<Infer<typeof materialShape>["earlier"]> {
  const earlier: Infer<typeof materialShape>["earlier"] = [];
  let room = MAX_EARLIER_LINES;
  for (const call of (await callsOf(ctx, request._id)).reverse()) {
    const lines =
      room === 0
        ? []
        : await ctx.db
            .query("transcript")
            .withIndex("by_call", (q) => q.eq("callId", call._id))
            .order("desc")
            .take(room);
    room -= lines.length;
    earlier.unshift({
      attempt: call.attempt,
      to: call.to,
      outcome: call.endReason,
      transcript: lines.reverse().map(({ speaker, text, seq }) => ({ speaker, text, seq })),
    });
  }
  return earlier;
}

/**
 * A request as a worker may see it: the facts saved for an earlier attempt are left out if they have been
 * removed, or marked `never`, since.
 */
export async function withoutSecrets(ctx: QueryCtx, request: Doc<"requests">): Promise<Doc<"requests">> {
  const context = [];
  for (const saved of request.context ?? []) {
    const fact = saved.factId === undefined ? saved : await ctx.db.get("facts", saved.factId);
    if (fact !== null && fact.sharing !== "never") context.push({ ...saved, sharing: fact.sharing });
  }
  return { ...request, context: request.context === undefined ? undefined : context };
}
