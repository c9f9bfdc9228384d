import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const put = mutation({
  args: { x: v.number() },
  handler: async (ctx, { x }) => {
    await ctx.db.insert("items", { x });
  },
});

export const sum = query({
  args: {},
  handler: async (ctx) => {
    const items = await ctx.db.query("items").collect();
    return items.reduce((total, item) => total + (item.x as number), 0);
  },
});
