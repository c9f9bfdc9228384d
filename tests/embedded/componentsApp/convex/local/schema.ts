import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  items: defineTable({ name: v.string(), of: v.optional(v.id("items")) }).index("by_name", ["name"]),
});
