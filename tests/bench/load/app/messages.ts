import { mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

export const send = mutation({
  args: { channel: v.string(), body: v.string() },
  handler: (ctx, message) => ctx.db.insert("messages", message),
});

/** `viewer` makes it another query for each of those who watch, of the same data. */
export const latest = query({
  args: { channel: v.string(), viewer: v.optional(v.number()) },
  handler: async (ctx, { channel }) => {
    const rows = await ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .order("desc")
      .take(10);
    return rows.map(({ body }) => body);
  },
});
