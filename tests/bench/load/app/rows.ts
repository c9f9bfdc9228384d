import {
  type DataModelFromSchemaDefinition,
  mutationGeneric as mutation,
  type QueryBuilder,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import type schema from "./schema";

const query = queryGeneric as QueryBuilder<DataModelFromSchemaDefinition<typeof schema>, "public">;

/** Ten rows to a group. `size` keeps what is read apart from what another measurement put into the same table. */
export const seed = mutation({
  args: { size: v.string(), from: v.number(), count: v.number() },
  handler: async (ctx, { size, from, count }) => {
    for (let i = from; i < from + count; i++) {
      await ctx.db.insert("rows", { size, group: Math.floor(i / 10), text: `row ${i}` });
    }
  },
});

export const inGroup = query({
  args: { size: v.string(), group: v.number() },
  handler: (ctx, { size, group }) =>
    ctx.db
      .query("rows")
      .withIndex("by_group", (q) => q.eq("size", size).eq("group", group))
      .take(5),
});
