import { paginationOptsValidator } from "convex/server";
import { ConvexError, v } from "convex/values";
import { api } from "./_generated/api";
import { internalMutation, internalQuery, mutation, query } from "./_generated/server";

export const list = query({
  args: { channel: v.string() },
  handler: (ctx, { channel }) =>
    ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .collect(),
});

export const latest = query({
  args: { channel: v.string(), count: v.number() },
  returns: v.array(v.object({ seq: v.number(), body: v.string() })),
  handler: async (ctx, { channel, count }) => {
    const rows = await ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .order("desc")
      .take(count);
    return rows.map(({ seq, body }) => ({ seq, body }));
  },
});

export const between = query({
  args: { channel: v.string(), from: v.number(), to: v.number(), desc: v.optional(v.boolean()) },
  handler: (ctx, { channel, from, to, desc }) =>
    ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel).gt("seq", from).lte("seq", to))
      .order(desc ? "desc" : "asc")
      .collect(),
});

export const filtered = query({
  args: { min: v.number(), word: v.string() },
  handler: (ctx, { min, word }) =>
    ctx.db
      .query("messages")
      .filter((q) =>
        q.and(
          q.gte(q.field("seq"), min),
          q.or(q.eq(q.field("channel"), word), q.neq(q.mod(q.field("seq"), 2), 0)),
        ),
      )
      .collect(),
});

export const page = query({
  args: { channel: v.string(), paginationOpts: paginationOptsValidator },
  handler: (ctx, { channel, paginationOpts }) =>
    ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .order("desc")
      .paginate(paginationOpts),
});

export const get = query({
  args: { id: v.id("messages") },
  handler: (ctx, { id }) => ctx.db.get("messages", id),
});

export const only = query({
  args: { channel: v.string() },
  handler: (ctx, { channel }) =>
    ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .unique(),
});

const fields = {
  channel: v.string(),
  seq: v.number(),
  body: v.string(),
  tags: v.optional(v.array(v.string())),
};

export const send = mutation({
  args: fields,
  returns: v.id("messages"),
  handler: async (ctx, args) => {
    console.log("sent", args.channel, args.seq);
    return await ctx.db.insert("messages", args);
  },
});

export const sendMany = mutation({
  args: { messages: v.array(v.object(fields)) },
  returns: v.array(v.id("messages")),
  handler: async (ctx, { messages }) => {
    const ids = [];
    for (const message of messages) ids.push(await ctx.db.insert("messages", message));
    return ids;
  },
});

export const edit = mutation({
  args: {
    id: v.id("messages"),
    body: v.optional(v.string()),
    seq: v.optional(v.number()),
    dropTags: v.optional(v.boolean()),
  },
  handler: async (ctx, { id, body, seq, dropTags }) => {
    if (body !== undefined) await ctx.db.patch("messages", id, { body });
    if (seq !== undefined) await ctx.db.patch("messages", id, { seq });
    if (dropTags) await ctx.db.patch("messages", id, { tags: undefined });
  },
});

export const overwrite = mutation({
  args: { id: v.id("messages"), value: v.any() },
  handler: (ctx, { id, value }) => ctx.db.replace("messages", id, value),
});

export const remove = mutation({
  args: { id: v.id("messages") },
  handler: (ctx, { id }) => ctx.db.delete("messages", id),
});

export const insertAnything = mutation({
  args: { table: v.string(), value: v.any() },
  handler: (ctx, { table, value }) => ctx.db.insert(table as "anything", value),
});

/** A mutation only in name, with a large result. */
export const readLarge = mutation({
  args: { channel: v.string() },
  handler: async (ctx, { channel }): Promise<string> => {
    const row: { body: string } | null = await ctx.runQuery(api.messages.only, { channel });
    return row?.body ?? "";
  },
});

export const failAfterWrite = mutation({
  args: { channel: v.string() },
  handler: async (ctx, { channel }) => {
    await ctx.db.insert("messages", { channel, seq: 0, body: "never seen" });
    throw new Error("after the write");
  },
});

export const failWithData = mutation({
  args: { code: v.string() },
  handler: async (_ctx, { code }) => {
    throw new ConvexError({ code, big: 7n });
  },
});

export const wrongReturn = query({
  args: {},
  returns: v.string(),
  handler: async () => 3 as unknown as string,
});

export const nested = mutation({
  args: { channel: v.string() },
  handler: async (ctx, { channel }): Promise<{ caught: string; seen: string[] }> => {
    await ctx.runMutation(api.messages.send, { channel, seq: 1, body: "kept" });
    let caught = "";
    try {
      await ctx.runMutation(api.messages.failAfterWrite, { channel });
    } catch (error) {
      caught = (error as Error).message;
    }
    const seen: { body: string }[] = await ctx.runQuery(api.messages.list, { channel });
    return { caught, seen: seen.map((message) => message.body) };
  },
});

export const secret = internalQuery({ args: {}, handler: async () => "only for the deployment" });

export const internalSend = internalMutation({
  args: { channel: v.string(), body: v.string() },
  handler: async (ctx, { channel, body }) => {
    const last = await ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .order("desc")
      .first();
    await ctx.db.insert("messages", { channel, seq: (last?.seq ?? 0) + 1, body });
  },
});

export const clock = query({
  args: {},
  handler: async () => {
    const first = Date.now();
    for (let i = 0; i < 1e6; i++) Math.sqrt(i);
    return {
      frozen: Date.now() === first && new Date().toISOString() === new Date(first).toISOString(),
      random: Math.random(),
    };
  },
});

export const forever = query({
  args: {},
  handler: async () => {
    for (;;);
  },
});

export const foreverMutation = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("events", { name: "never committed", at: 0 });
    for (;;);
  },
});

export const hog = query({
  args: {},
  handler: async () => {
    const kept: number[][] = [];
    for (let i = 0; ; i++) kept.push(new Array<number>(1_000_000).fill(i));
  },
});

/** Loops when the channel holds a message that says so. */
export const loopsWhenTold = query({
  args: { channel: v.string() },
  handler: async (ctx, { channel }) => {
    const last = await ctx.db
      .query("messages")
      .withIndex("by_channel", (q) => q.eq("channel", channel))
      .order("desc")
      .first();
    while (last?.body === "loop");
    return last?.body ?? null;
  },
});

export const neverSettles = query({ args: {}, handler: () => new Promise(() => {}) });

export const fetches = query({ args: {}, handler: async () => (await fetch("http://127.0.0.1:1/")).status });

/** `db.vars.commitTs` becomes the time of the commit. */
export const stamp = mutation({
  args: { label: v.string() },
  handler: async (ctx, { label }) => {
    await ctx.db.insert("anything", { value: { label, at: ctx.db.vars.commitTs } });
  },
});

export const stamps = query({
  args: {},
  handler: async (ctx) => {
    const rows = await ctx.db.query("anything").collect();
    return rows.flatMap(({ value }) =>
      typeof value?.at === "bigint" ? [value as { label: string; at: bigint }] : [],
    );
  },
});
