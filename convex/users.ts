/** The person: created at their first sign-in, changed by nobody else. */
import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";
import { fail } from "./errors";
import { personMutation, personQuery, userMutation, userOf } from "./functions";
import { MAX_CALL_MINUTES, MAX_NAME_CHARS, optionalText, text } from "./input";
import { callableNumber, floydNumbers } from "./numbers";
import schema, { limits } from "./schema";

/** Long enough to be put on hold and still talk; a person can set more. */
const DEFAULT_CALL_MINUTES = 10;

export const ensure = personMutation({
  args: { name: v.optional(v.string()), timezone: v.optional(v.string()), phone: v.optional(v.string()) },
  returns: v.id("users"),
  handler: async (ctx, args): Promise<Id<"users">> => {
    const known = await userOf(ctx, ctx.identity);
    if (known !== null) return known._id;
    const claimed = ctx.identity.name ?? ctx.identity.subject.replace(/^person:/, "");
    return ctx.db.insert("users", {
      tokenIdentifier: ctx.identity.tokenIdentifier,
      name: text("name", args.name ?? claimed, MAX_NAME_CHARS),
      timezone: args.timezone === undefined ? "UTC" : knownTimezone(args.timezone),
      phone: args.phone === undefined ? undefined : await freePhone(ctx, args.phone),
      limits: { maxCallMinutes: DEFAULT_CALL_MINUTES, recordCalls: false },
    });
  },
});

export const me = personQuery({
  args: {},
  returns: v.union(v.null(), schema.doc("users")),
  handler: (ctx): Promise<Doc<"users"> | null> => userOf(ctx, ctx.identity),
});

export const update = userMutation({
  args: {
    name: v.optional(v.string()),
    /** null: none any more. */
    phone: v.optional(v.union(v.string(), v.null())),
    timezone: v.optional(v.string()),
    language: v.optional(v.string()),
    limits: v.optional(limits),
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const change: Partial<Doc<"users">> = {};
    if (args.name !== undefined) change.name = text("name", args.name, MAX_NAME_CHARS);
    if (args.phone === null) change.phone = undefined;
    else if (args.phone !== undefined) change.phone = await freePhone(ctx, args.phone, ctx.user._id);
    if (args.timezone !== undefined) change.timezone = knownTimezone(args.timezone);
    if (args.language !== undefined)
      change.language = optionalText("language", args.language, MAX_NAME_CHARS);
    if (args.limits !== undefined) change.limits = sensibleLimits(args.limits);
    await ctx.db.patch("users", ctx.user._id, change);
    return null;
  },
});

/** A phone identifies its owner when an SMS comes in, so no two people have the same. */
async function freePhone(ctx: QueryCtx, raw: string, self?: Id<"users">): Promise<string> {
  const phone = callableNumber("phone", raw, floydNumbers());
  const owner = await ctx.db
    .query("users")
    .withIndex("by_phone", (q) => q.eq("phone", phone))
    .unique();
  if (owner !== null && owner._id !== self) {
    fail("CONFLICT", "Another person here has this phone number: give one that is only yours", "phone");
  }
  return phone;
}

function knownTimezone(timezone: string): string {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: timezone }).resolvedOptions().timeZone;
  } catch {
    fail("BAD_INPUT", "`timezone` must be a name of the IANA database, e.g. Europe/Berlin", "timezone");
  }
}

function sensibleLimits(wanted: Doc<"users">["limits"]): Doc<"users">["limits"] {
  if (!(wanted.maxCallMinutes >= 1 && wanted.maxCallMinutes <= MAX_CALL_MINUTES)) {
    fail(
      "BAD_INPUT",
      `\`limits.maxCallMinutes\` must be from 1 to ${MAX_CALL_MINUTES}`,
      "limits.maxCallMinutes",
    );
  }
  if (wanted.maxSpendUsd !== undefined && !(wanted.maxSpendUsd >= 0 && Number.isFinite(wanted.maxSpendUsd))) {
    fail("BAD_INPUT", "`limits.maxSpendUsd` must be 0 or more", "limits.maxSpendUsd");
  }
  return wanted;
}
