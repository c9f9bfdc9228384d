import { v } from "convex/values";
import { mutation, query } from "./_generated/server";

export const echo = query({ args: { value: v.any() }, handler: async (_ctx, { value }) => value });

export const store = mutation({
  args: { value: v.any() },
  handler: (ctx, { value }) => ctx.db.insert("anything", { value }),
});

export const ordered = query({
  args: { desc: v.boolean() },
  handler: async (ctx, { desc }) => {
    const rows = await ctx.db
      .query("anything")
      .withIndex("by_value")
      .order(desc ? "desc" : "asc")
      .collect();
    return rows.map((row) => row.value);
  },
});

export const above = query({
  args: { value: v.any() },
  handler: async (ctx, { value }) => {
    const rows = await ctx.db
      .query("anything")
      .withIndex("by_value", (q) => q.gt("value", value))
      .collect();
    return rows.map((row) => row.value);
  },
});

export const whoAmI = query({ args: {}, handler: (ctx) => ctx.auth.getUserIdentity() });

export const setting = query({
  args: { name: v.string() },
  handler: async (_ctx, { name }) => process.env[name] ?? null,
});
