import { makeFunctionReference } from "convex/server";
import { v } from "convex/values";
import { action, internalMutation, mutation } from "./_generated/server";

const request_ = makeFunctionReference<"mutation">("meta:request");
const note_ = makeFunctionReference<"mutation">("meta:note");

export const request = mutation({ args: {}, handler: (ctx) => ctx.meta.getRequestMetadata() });

export const deployment = mutation({ args: {}, handler: (ctx) => ctx.meta.getDeploymentMetadata() });

/** What the action knows of its request, and what a mutation that it calls knows. */
export const both = action({
  args: {},
  handler: async (ctx): Promise<unknown[]> => [
    await ctx.meta.getRequestMetadata(),
    await ctx.runMutation(request_, {}),
  ],
});

export const noteLater = mutation({
  args: { label: v.string() },
  handler: (ctx, args): Promise<unknown> => ctx.scheduler.runAfter(0, note_, args),
});

/** Notes what it knows of its own job. */
export const note = internalMutation({
  args: { label: v.string() },
  handler: async (ctx, { label }) => {
    const { scheduledFunctionId } = await ctx.meta.getRequestMetadata();
    await ctx.db.insert("anything", { value: { label, scheduledFunctionId } });
  },
});

export const sign = mutation({
  args: { claims: v.any(), seconds: v.number() },
  handler: (ctx, { claims, seconds }) => ctx.auth.signJwt({ claims, expiresInSeconds: seconds }),
});
