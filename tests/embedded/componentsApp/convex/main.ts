import { DirectAggregate } from "@convex-dev/aggregate";
import { MINUTE, RateLimiter } from "@convex-dev/rate-limiter";
import { Workpool } from "@convex-dev/workpool";
import { createFunctionHandle } from "convex/server";
import { v } from "convex/values";
import { components, internal } from "./_generated/api";
import { action, internalMutation, mutation, query } from "./_generated/server";

const limiter = new RateLimiter(components.rateLimiter, {
  send: { kind: "token bucket", rate: 2, period: MINUTE },
});
const pool = new Workpool(components.pool, { maxParallelism: 2 });
const scores = new DirectAggregate<{ Key: number; Id: string }>(components.aggregate);
const others = new DirectAggregate<{ Key: number; Id: string }>(components.second);

export const limited = mutation({
  args: {},
  handler: async (ctx) => (await limiter.limit(ctx, "send", { key: "me" })).ok,
});

export const enqueue = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await pool.enqueueMutation(ctx, internal.main.work, { n });
  },
});

export const work = internalMutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await ctx.db.insert("done", { n });
  },
});

export const done = query({
  args: {},
  handler: async (ctx) => (await ctx.db.query("done").collect()).map((row) => row.n as number),
});

export const score = mutation({
  args: { n: v.number() },
  handler: async (ctx, { n }) => {
    await scores.insert(ctx, { key: n, id: String(n) });
  },
});

export const ranking = query({
  args: {},
  handler: async (ctx) => ({
    count: await scores.count(ctx),
    highest: (await scores.max(ctx))?.key,
    others: await others.count(ctx),
  }),
});

/** A component's mutation that fails is undone alone. */
export const addLocal = mutation({
  args: { name: v.string(), of: v.optional(v.string()), fail: v.optional(v.boolean()) },
  handler: async (ctx, args): Promise<string> => {
    try {
      return await ctx.runMutation(components.local.lib.add, args);
    } catch (error) {
      return `failed: ${(error as Error).message}`;
    }
  },
});

export const listLocal = query({
  args: {},
  handler: async (ctx): Promise<{ names: string[]; sum: number; own: number }> => ({
    names: await ctx.runQuery(components.local.lib.list, {}),
    sum: await ctx.runQuery(components.local.lib.sum, {}),
    own: (await ctx.db.query("items").collect()).length,
  }),
});

export const whoLocal = query({
  args: {},
  handler: async (ctx): Promise<unknown> => ctx.runQuery(components.local.lib.who, {}),
});

export const normalizeLocal = query({
  args: { id: v.string() },
  handler: async (ctx, { id }): Promise<unknown> => ({
    there: await ctx.runQuery(components.local.lib.normalize, { id }),
    here: ctx.db.normalizeId("items", id),
  }),
});

export const laterLocal = mutation({
  args: {},
  handler: async (ctx) => {
    const callback = await createFunctionHandle(internal.main.got);
    await ctx.runMutation(components.local.lib.later, { name: "late", callback });
  },
});

export const got = internalMutation({
  args: { text: v.string() },
  handler: async (ctx, { text }) => {
    await ctx.db.insert("got", { text });
  },
});

export const gotten = query({
  args: {},
  handler: async (ctx): Promise<{ texts: string[]; jobsThere: string[]; jobsHere: number }> => ({
    texts: (await ctx.db.query("got").collect()).map((row) => row.text as string),
    jobsThere: await ctx.runQuery(components.local.lib.jobs, {}),
    jobsHere: (await ctx.db.system.query("_scheduled_functions").collect()).length,
  }),
});

export const actLocal = action({
  args: {},
  handler: async (ctx): Promise<unknown> => ctx.runAction(components.local.lib.act, {}),
});
