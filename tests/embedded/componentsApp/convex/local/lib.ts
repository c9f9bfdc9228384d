import { type FunctionHandle, makeFunctionReference } from "convex/server";
import { v } from "convex/values";
import { components } from "./_generated/api";
import { action, internalMutation, mutation, query } from "./_generated/server";

export const add = mutation({
  args: { name: v.string(), of: v.optional(v.id("items")), fail: v.optional(v.boolean()) },
  returns: v.id("items"),
  handler: async (ctx, { name, of, fail }) => {
    const id = await ctx.db.insert("items", of ? { name, of } : { name });
    await ctx.runMutation(components.nested.deep.put, { x: name.length });
    if (fail) throw new Error("as asked");
    return id;
  },
});

export const list = query({
  args: {},
  handler: async (ctx) =>
    (await ctx.db.query("items").withIndex("by_name").collect()).map((item) => item.name),
});

export const sum = query({
  args: {},
  returns: v.number(),
  handler: async (ctx): Promise<number> => ctx.runQuery(components.nested.deep.sum, {}),
});

export const who = query({
  args: {},
  handler: async (ctx) => ({
    identity: await ctx.auth.getUserIdentity(),
    secret: process.env.SECRET ?? null,
    greeting: process.env.GREETING ?? null,
  }),
});

export const normalize = query({
  args: { id: v.string() },
  handler: async (ctx, { id }) => ctx.db.normalizeId("items", id),
});

const run_ = makeFunctionReference<"mutation">("lib:run");

/** Does its work later, then calls back. */
export const later = mutation({
  args: { name: v.string(), callback: v.string() },
  handler: async (ctx, { name, callback }) => {
    await ctx.scheduler.runAfter(0, run_, { name, callback });
  },
});

export const run = internalMutation({
  args: { name: v.string(), callback: v.string() },
  handler: async (ctx, { name, callback }) => {
    await ctx.db.insert("items", { name });
    await ctx.runMutation(callback as FunctionHandle<"mutation">, { text: `called back by ${name}` });
  },
});

export const jobs = query({
  args: {},
  handler: async (ctx) =>
    (await ctx.db.system.query("_scheduled_functions").collect()).map((job) => job.name),
});

export const act = action({
  args: {},
  handler: async (ctx) => {
    await ctx.runMutation(makeFunctionReference<"mutation">("lib:add"), { name: "from action" });
    return process.env.GREETING;
  },
});
