/** The person: created at their first sign-in, changed by nobody else. */
import { type Infer, v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";
import { type CallHours, duration, timeOfDay } from "./callHours";
import { fail } from "./errors";
import { rearrange } from "./filing";
import { personMutation, personQuery, userMutation, userOf } from "./functions";
import { MAX_CALL_MINUTES, MAX_NAME_CHARS, MAX_VOICE_CHARS, optionalText, text } from "./input";
import { callableNumber, floydNumbers } from "./numbers";
import schema, { callHours, limits } from "./schema";

/** Shorter hours would let a day's only moment pass while a call is prepared. */
const MIN_CALL_HOURS_MS = 15 * 60 * 1000;
/** Long enough to be put on hold and still talk; a person can set more. */
const DEFAULT_CALL_MINUTES = 10;

const shownUser = schema.doc("users").extend({ operator: v.boolean() });

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

/** Who is signed in; null if Floyd does not know them yet. `operator`: may see and drain workers. */
export const me = personQuery({
  args: {},
  returns: v.union(v.null(), shownUser),
  handler: async (ctx): Promise<Infer<typeof shownUser> | null> => {
    const user = await userOf(ctx, ctx.identity);
    return user && { ...user, operator: ctx.operator };
  },
});

export const update = userMutation({
  args: {
    name: v.optional(v.string()),
    /** null: none any more. */
    phone: v.optional(v.union(v.string(), v.null())),
    timezone: v.optional(v.string()),
    language: v.optional(v.string()),
    limits: v.optional(limits),
    /** null: Floyd may dial at any time. */
    callHours: v.optional(v.union(callHours, v.null())),
    /** null: the voice that the worker is set up with. */
    voice: v.optional(v.union(v.string(), v.null())),
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
    if (args.callHours === null) change.callHours = undefined;
    else if (args.callHours !== undefined) change.callHours = sensibleHours(args.callHours);
    if (args.voice === null) change.voice = undefined;
    else if (args.voice !== undefined) change.voice = optionalText("voice", args.voice, MAX_VOICE_CHARS);
    await ctx.db.patch("users", ctx.user._id, change);
    if ("callHours" in change || "timezone" in change) await rearrange(ctx, { ...ctx.user, ...change });
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

function sensibleHours(wanted: CallHours): CallHours {
  const [from, to] = [timeOfDay(wanted.from), timeOfDay(wanted.to)];
  if (from === null) badHours("callHours.from", "must be a time of day like 09:00");
  if (to === null) badHours("callHours.to", "must be a time of day like 18:00");
  if (duration(from, to) >= MIN_CALL_HOURS_MS) return wanted;
  badHours(
    "callHours.to",
    "must be at least 15 minutes after `callHours.from`; leave out the hours for any time",
  );
}

function badHours(field: string, remedy: string): never {
  fail("BAD_INPUT", `\`${field}\` ${remedy}`, field);
}
