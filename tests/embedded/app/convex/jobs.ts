import { type GenericId, v } from "convex/values";
import { internal } from "./_generated/api";
import { action, internalAction, internalMutation, mutation, query } from "./_generated/server";

type JobId = GenericId<"_scheduled_functions">;

export const note = internalMutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    await ctx.db.insert("events", { name, at: Date.now() });
  },
});

export const fail = internalMutation({
  args: {},
  handler: async () => {
    throw new Error("on purpose");
  },
});

export const events = query({ args: {}, handler: (ctx) => ctx.db.query("events").collect() });

export const scheduled = query({
  args: {},
  handler: (ctx) => ctx.db.system.query("_scheduled_functions").collect(),
});

export const later = mutation({
  args: { name: v.string(), ms: v.number() },
  handler: (ctx, { name, ms }): Promise<JobId> => ctx.scheduler.runAfter(ms, internal.jobs.note, { name }),
});

export const failLater = mutation({
  args: {},
  handler: (ctx): Promise<JobId> => ctx.scheduler.runAfter(0, internal.jobs.fail, {}),
});

export const scheduleAndFail = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    await ctx.scheduler.runAfter(0, internal.jobs.note, { name });
    throw new Error("rolled back");
  },
});

export const cancel = mutation({
  args: { id: v.id("_scheduled_functions") },
  handler: (ctx, { id }) => ctx.scheduler.cancel(id),
});

export const slowAction = internalAction({
  args: { name: v.string(), ms: v.number() },
  handler: async (ctx, { name, ms }) => {
    await ctx.runMutation(internal.jobs.note, { name: `${name} began` });
    await new Promise((resolve) => setTimeout(resolve, ms));
    await ctx.runMutation(internal.jobs.note, { name: `${name} ended` });
  },
});

export const slowActionLater = mutation({
  args: { name: v.string(), ms: v.number() },
  handler: (ctx, args): Promise<JobId> => ctx.scheduler.runAfter(0, internal.jobs.slowAction, args),
});

export const fetchText = action({
  args: { url: v.string() },
  returns: v.string(),
  handler: async (ctx, { url }): Promise<string> => {
    const response = await fetch(url);
    const text = await response.text();
    await ctx.runMutation(internal.jobs.note, { name: text });
    await ctx.scheduler.runAfter(0, internal.jobs.note, { name: `${text} later` });
    const secret: string = await ctx.runQuery(internal.messages.secret, {});
    return `${text}, ${secret}`;
  },
});

export const loopForever = action({
  args: {},
  handler: async () => {
    for (;;);
  },
});
