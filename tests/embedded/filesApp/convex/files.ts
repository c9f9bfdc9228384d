import {
  actionGeneric,
  type GenericActionCtx,
  type GenericMutationCtx,
  type GenericQueryCtx,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { type GenericId, v } from "convex/values";

// biome-ignore lint/suspicious/noExplicitAny: a data model of any tables
type Query = GenericQueryCtx<any>;
// biome-ignore lint/suspicious/noExplicitAny: a data model of any tables
type Mutation = GenericMutationCtx<any>;
// biome-ignore lint/suspicious/noExplicitAny: a data model of any tables
type Action = GenericActionCtx<any>;
const id = { id: v.id("_storage") };
type WithId = { id: GenericId<"_storage"> };

export const uploadUrl = mutationGeneric({
  args: {},
  returns: v.string(),
  handler: (ctx) => ctx.storage.generateUploadUrl(),
});

export const attach = mutationGeneric({
  args: { file: v.id("_storage"), name: v.string() },
  handler: (ctx: Mutation, args) => ctx.db.insert("pictures", args),
});

export const pictures = queryGeneric({
  args: {},
  handler: async (ctx: Query) => {
    const rows = await ctx.db.query("pictures").collect();
    return Promise.all(
      rows.map(async ({ file, name }) => ({
        name: name as string,
        url: await ctx.storage.getUrl(file as GenericId<"_storage">),
      })),
    );
  },
});

export const url = queryGeneric({ args: id, handler: (ctx, args: WithId) => ctx.storage.getUrl(args.id) });
export const anyUrl = queryGeneric({
  args: { id: v.string() },
  handler: (ctx, args) => ctx.storage.getUrl(args.id as GenericId<"_storage">),
});
export const metadata = queryGeneric({
  args: id,
  handler: async (ctx, args: WithId) => ({
    old: await ctx.storage.getMetadata(args.id),
    row: await ctx.db.system.get(args.id),
  }),
});
export const list = queryGeneric({
  args: {},
  handler: (ctx) => ctx.db.system.query("_storage").order("desc").collect(),
});

export const remove = mutationGeneric({
  args: id,
  handler: (ctx, args: WithId) => ctx.storage.delete(args.id),
});
/** Deletes, looks, and fails. */
export const removeInVain = mutationGeneric({
  args: id,
  handler: async (ctx, args: WithId) => {
    await ctx.storage.delete(args.id);
    throw new Error(`url now: ${await ctx.storage.getUrl(args.id)}`);
  },
});
/** What `ctx.db` may not do. */
export const removeRow = mutationGeneric({
  args: id,
  handler: (ctx: Mutation, args: WithId) => ctx.db.delete(args.id as never),
});
export const storeInMutation = mutationGeneric({
  args: { text: v.string(), fail: v.boolean() },
  handler: async (ctx, args) => {
    // biome-ignore lint/suspicious/noExplicitAny: newer than its type
    const storage = ctx.storage as any;
    const stored = await storage.store(new Blob([args.text], { type: "text/plain" }));
    const blob = (await storage.get(stored)) as Blob;
    if (fail(args)) throw new Error("in vain");
    return { id: stored as string, text: await blob.text(), type: blob.type };
  },
});
const fail = (args: { fail: boolean }) => args.fail;
export const generateInQuery = queryGeneric({
  args: {},
  handler: (ctx) => (ctx.storage as unknown as Mutation["storage"]).generateUploadUrl(),
});

export const roundTrip = actionGeneric({
  args: { text: v.string(), sha256: v.optional(v.string()) },
  handler: async (ctx: Action, { text, sha256 }) => {
    const blob = new Blob([text], { type: "text/x-test" });
    const stored = await ctx.storage.store(blob, sha256 === undefined ? {} : { sha256 });
    const back = await ctx.storage.get(stored);
    return {
      id: stored as string,
      url: await ctx.storage.getUrl(stored),
      upload: await ctx.storage.generateUploadUrl(),
      type: back?.type ?? null,
      text: (await back?.text()) ?? null,
    };
  },
});
/** A file too large to be read at once, copied within the storage. */
export const copy = actionGeneric({
  args: id,
  handler: async (ctx: Action, args: WithId) => {
    const blob = await ctx.storage.get(args.id);
    if (!blob) return null;
    return (await ctx.storage.store(blob)) as string;
  },
});
export const getThenDelete = actionGeneric({
  args: id,
  handler: async (ctx: Action, args: WithId) => {
    const blob = await ctx.storage.get(args.id);
    await ctx.storage.delete(args.id);
    return { text: (await blob?.text()) ?? null, again: (await ctx.storage.get(args.id)) === null };
  },
});
