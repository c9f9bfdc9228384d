import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  messages: defineTable({
    channel: v.string(),
    seq: v.number(),
    body: v.string(),
    tags: v.optional(v.array(v.string())),
    author: v.optional(v.id("users")),
  })
    .index("by_channel", ["channel", "seq"])
    .index("by_body", ["body"]),
  users: defineTable({ name: v.string(), email: v.optional(v.string()) }).index("by_email", ["email"]),
  anything: defineTable({ value: v.any() }).index("by_value", ["value"]),
  events: defineTable({ name: v.string(), at: v.number() }),
});
