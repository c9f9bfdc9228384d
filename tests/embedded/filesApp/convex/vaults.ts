/** The app's way to the files of its component. */
import {
  type AnyComponents,
  actionGeneric,
  componentsGeneric,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";

// biome-ignore lint/suspicious/noExplicitAny: what code generation would type
const { vault } = componentsGeneric() as AnyComponents as any;

export const uploadUrl = mutationGeneric({
  args: {},
  handler: (ctx) => ctx.runMutation(vault.safe.uploadUrl, {}),
});
export const look = queryGeneric({
  args: { id: v.string() },
  handler: (ctx, args) => ctx.runQuery(vault.safe.look, args),
});
export const store = actionGeneric({
  args: { text: v.string() },
  handler: (ctx, args) => ctx.runAction(vault.safe.store, args),
});
