/** The words being spoken now: one row per call, overwritten, gone when the call ends. */
import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { callUnder } from "./callRows";
import { userQuery, workerMutation } from "./functions";
import { MAX_LINE_CHARS, optionalText } from "./input";
import { requireLease } from "./leases";
import { ownRequest } from "./requests";
import schema, { speaker } from "./schema";
import { liveWords } from "./showing";

/** Show these words; empty text clears them. A worker sends at most 5 a second. */
export const set = workerMutation({
  args: { callId: v.id("calls"), token: v.string(), speaker, text: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await callUnder(ctx, args.callId, args.token);
    await requireLease(ctx, call.requestId, args.token);
    const words = optionalText("text", args.text, MAX_LINE_CHARS);
    const row = await ctx.db
      .query("live")
      .withIndex("by_call", (q) => q.eq("callId", call._id))
      .unique();
    if (words === undefined || call.status === "ended") {
      if (row !== null) await ctx.db.delete("live", row._id);
      return null;
    }
    const now = { speaker: args.speaker, text: words, updatedAt: Date.now() };
    if (row !== null) await ctx.db.patch("live", row._id, now);
    else {
      const { _id: callId, requestId, userId } = call;
      await ctx.db.insert("live", { callId, requestId, userId, ...now });
    }
    return null;
  },
});

/** The words being spoken now on this request's call, if there is one. */
export const list = userQuery({
  args: { requestId: v.id("requests") },
  returns: v.array(schema.doc("live")),
  handler: async (ctx, { requestId }): Promise<Doc<"live">[]> =>
    liveWords(ctx, (await ownRequest(ctx, ctx.user, requestId))._id),
});
