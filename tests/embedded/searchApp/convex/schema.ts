import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  notes: defineTable({
    body: v.optional(v.string()),
    author: v.optional(v.string()),
    meta: v.optional(v.object({ topic: v.string() })),
  }).searchIndex("by_body", { searchField: "body", filterFields: ["author", "meta.topic"] }),
  points: defineTable({
    embedding: v.optional(v.array(v.float64())),
    kind: v.optional(v.string()),
    size: v.optional(v.number()),
  }).vectorIndex("by_embedding", { vectorField: "embedding", dimensions: 4, filterFields: ["kind", "size"] }),
});
