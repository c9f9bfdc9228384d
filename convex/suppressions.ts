/**
 * Numbers that asked not to be called, and the whole question whether a number may be called now.
 * Operators keep the list: `npx convex run suppressions:add '{"phone": "+14155550134", ...}'`.
 */
import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { internalMutation, type QueryCtx } from "./_generated/server";
import { fail } from "./errors";
import { MAX_NAME_CHARS, MAX_REASON_CHARS, text } from "./input";
import { callableNumber, floydNumbers, refuse } from "./numbers";

function suppression(ctx: QueryCtx, phone: string): Promise<Doc<"suppressions"> | null> {
  return ctx.db
    .query("suppressions")
    .withIndex("by_phone", (q) => q.eq("phone", phone))
    .unique();
}

/**
 * The number in E.164 if Floyd may call it for this person; else BAD_INPUT or POLICY_BLOCKED for `field`.
 * `override`: in development every call may go to the developer's own phone.
 */
export async function numberToCall(
  ctx: QueryCtx,
  field: string,
  raw: string,
  user: Doc<"users">,
  override = false,
): Promise<string> {
  const own = [...floydNumbers(), ...(user.phone !== undefined && !override ? [user.phone] : [])];
  const phone = callableNumber(field, raw, own);
  if ((await suppression(ctx, phone)) !== null) {
    fail("POLICY_BLOCKED", `\`${field}\` ${refuse("suppressed").message}`, field);
  }
  return phone;
}

export const add = internalMutation({
  args: { phone: v.string(), reason: v.string(), addedBy: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const phone = callableNumber("phone", args.phone);
    if ((await suppression(ctx, phone)) !== null) return null;
    await ctx.db.insert("suppressions", {
      phone,
      reason: text("reason", args.reason, MAX_REASON_CHARS),
      addedBy: text("addedBy", args.addedBy, MAX_NAME_CHARS),
    });
    return null;
  },
});

export const remove = internalMutation({
  args: { phone: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const row = await suppression(ctx, callableNumber("phone", args.phone));
    if (row !== null) await ctx.db.delete("suppressions", row._id);
    return null;
  },
});
