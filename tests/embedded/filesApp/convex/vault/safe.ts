/** A component with files of its own. */
import { actionGeneric, mutationGeneric, queryGeneric } from "convex/server";
import { v } from "convex/values";

export const uploadUrl = mutationGeneric({ args: {}, handler: (ctx) => ctx.storage.generateUploadUrl() });
export const look = queryGeneric({
  args: { id: v.id("_storage") },
  handler: async (ctx, { id }) => ({
    url: await ctx.storage.getUrl(id),
    all: (await ctx.db.system.query("_storage").collect()).map((file) => file._id as string),
  }),
});
export const store = actionGeneric({
  args: { text: v.string() },
  handler: async (ctx, { text }) => (await ctx.storage.store(new Blob([text]))) as string,
});
