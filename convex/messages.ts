/** SMS: questions go out to an owner's phone, and a reply from it answers the one question that is open. */
import { v } from "convex/values";
import { fail } from "./errors";
import { workerMutation, workerQuery } from "./functions";
import { identifier, MAX_ID_CHARS, MAX_REASON_CHARS, MAX_SMS_CHARS, optionalText, text } from "./input";
import { answerQuestion, openQuestionsOf } from "./questions";

/** The worker sends these and sees the next. */
const OUTBOX_SHOWN = 20;

/** Keep an incoming message, once per sid. `answered`: it was taken as the answer to the sender's question. */
export const receive = workerMutation({
  args: { from: v.string(), to: v.string(), body: v.string(), sid: v.string() },
  returns: v.object({ answered: v.boolean() }),
  handler: async (ctx, args) => {
    const sid = identifier("sid", args.sid);
    const known = await ctx.db
      .query("messages")
      .withIndex("by_sid", (q) => q.eq("sid", sid))
      .first();
    if (known !== null) return { answered: known.questionId !== undefined };
    // A sender may be a name ("Acme Bank"), and a body may be empty (a picture): both are kept.
    const from = text("from", args.from, MAX_ID_CHARS);
    const body = optionalText("body", args.body.slice(0, MAX_SMS_CHARS), MAX_SMS_CHARS) ?? "";
    const sender = await ctx.db
      .query("users")
      .withIndex("by_phone", (q) => q.eq("phone", from))
      .unique();
    const open = sender === null ? [] : await openQuestionsOf(ctx, sender._id);
    const question = open.length === 1 && body !== "" ? open[0] : undefined;
    await ctx.db.insert("messages", {
      userId: sender?._id,
      questionId: question?._id,
      direction: "in",
      status: "received",
      from,
      to: text("to", args.to, MAX_ID_CHARS),
      body,
      sid,
    });
    if (question !== undefined) await answerQuestion(ctx, question, body);
    return { answered: question !== undefined };
  },
});

export const outbox = workerQuery({
  args: {},
  returns: v.array(v.object({ messageId: v.id("messages"), to: v.string(), body: v.string() })),
  handler: async (ctx) => {
    const queued = await ctx.db
      .query("messages")
      .withIndex("by_status", (q) => q.eq("direction", "out").eq("status", "queued"))
      .take(OUTBOX_SHOWN);
    return queued.map(({ _id, to, body }) => ({ messageId: _id, to: to ?? "", body }));
  },
});

/** A queued message has gone out under `sid`, or could not (`error`). */
export const sent = workerMutation({
  args: { messageId: v.id("messages"), sid: v.optional(v.string()), error: v.optional(v.string()) },
  returns: v.null(),
  handler: async (ctx, args) => {
    const message = await ctx.db.get("messages", args.messageId);
    if (message?.direction !== "out") fail("NOT_FOUND", "There is no such outgoing message", "messageId");
    if (message.status === "sent" || message.status === "failed") return null;
    if (args.sid !== undefined) {
      await ctx.db.patch("messages", message._id, { status: "sent", sid: identifier("sid", args.sid) });
    } else {
      const error = text("error", (args.error ?? "").slice(0, MAX_REASON_CHARS), MAX_REASON_CHARS);
      await ctx.db.patch("messages", message._id, { status: "failed", error });
    }
    return null;
  },
});
