import {
  actionGeneric,
  type DataModelFromSchemaDefinition,
  type MutationBuilder,
  mutationGeneric,
  paginationOptsValidator,
  type QueryBuilder,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import type schema from "./schema";

type Model = DataModelFromSchemaDefinition<typeof schema>;
const query = queryGeneric as QueryBuilder<Model, "public">;
const mutation = mutationGeneric as MutationBuilder<Model, "public">;

const note = { body: v.optional(v.string()), author: v.optional(v.string()), topic: v.optional(v.string()) };

export const add = mutation({
  args: note,
  handler: (ctx, { topic, ...fields }) =>
    ctx.db.insert("notes", topic === undefined ? fields : { ...fields, meta: { topic } }),
});

export const edit = mutation({
  args: { id: v.id("notes"), body: v.string() },
  handler: (ctx, { id, body }) => ctx.db.patch("notes", id, { body }),
});

export const remove = mutation({
  args: { id: v.id("notes") },
  handler: (ctx, { id }) => ctx.db.delete("notes", id),
});

const wanted = {
  text: v.string(),
  author: v.optional(v.union(v.string(), v.null())),
  topic: v.optional(v.string()),
};

export const find = query({
  args: { ...wanted, limit: v.optional(v.number()) },
  handler: async (ctx, { text, author, topic, limit }) => {
    const found = await ctx.db
      .query("notes")
      .withSearchIndex("by_body", (q) => {
        let search = q.search("body", text);
        // Null stands for a field that is not there.
        if (author !== undefined) search = search.eq("author", author ?? undefined);
        if (topic !== undefined) search = search.eq("meta.topic", topic);
        return search;
      })
      .take(limit ?? 100);
    return found.map((row) => row.body);
  },
});

export const page = query({
  args: { text: v.string(), paginationOpts: paginationOptsValidator },
  handler: (ctx, { text, paginationOpts }) =>
    ctx.db
      .query("notes")
      .withSearchIndex("by_body", (q) => q.search("body", text))
      .paginate(paginationOpts),
});

/** What a mutation has written it finds, and what it has undone it doesn't. */
export const addAndFind = mutation({
  args: { body: v.string(), fail: v.boolean() },
  handler: async (ctx, { body, fail }) => {
    await ctx.db.insert("notes", { body });
    const found = await ctx.db
      .query("notes")
      .withSearchIndex("by_body", (q) => q.search("body", body))
      .collect();
    if (fail) throw new Error("undone");
    return found.map((row) => row.body);
  },
});

export const wrongFilter = query({
  args: {},
  handler: (ctx) =>
    ctx.db
      .query("notes")
      .withSearchIndex("by_body", (q) => q.search("body", "a").eq("body" as "author", "b"))
      .collect(),
});

export const addPoint = mutation({
  args: {
    embedding: v.optional(v.array(v.float64())),
    kind: v.optional(v.string()),
    size: v.optional(v.number()),
  },
  handler: (ctx, args) => ctx.db.insert("points", args),
});

export const near = actionGeneric({
  args: {
    vector: v.array(v.float64()),
    limit: v.optional(v.number()),
    kinds: v.optional(v.array(v.string())),
  },
  handler: async (ctx, { vector, limit, kinds }) =>
    ctx.vectorSearch("points", "by_embedding", {
      vector,
      ...(limit === undefined ? {} : { limit }),
      ...(kinds === undefined ? {} : { filter: (q) => q.or(...kinds.map((kind) => q.eq("kind", kind))) }),
    }),
});
