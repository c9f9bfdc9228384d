/** Whom a person may want called. */
import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";
import { fail, failureOf } from "./errors";
import { userMutation, userQuery } from "./functions";
import {
  list as atMost,
  MAX_ALIASES,
  MAX_CONTACTS,
  MAX_CONTACTS_AT_ONCE,
  MAX_NAME_CHARS,
  MAX_NOTES_CHARS,
  optionalText,
  text,
} from "./input";
import { callableNumber, callingCodes, countryOf, floydNumbers, international } from "./numbers";
import schema from "./schema";

export const list = userQuery({
  args: {},
  returns: v.array(schema.doc("contacts")),
  handler: (ctx): Promise<Doc<"contacts">[]> => contactsOf(ctx, ctx.user._id),
});

const written = {
  name: v.string(),
  phone: v.string(),
  aliases: v.optional(v.array(v.string())),
  notes: v.optional(v.string()),
};

export const add = userMutation({
  args: written,
  returns: v.id("contacts"),
  handler: async (ctx, args): Promise<Id<"contacts">> => {
    const contact = checked(ctx.user, args);
    const known = await contactsOf(ctx, ctx.user._id);
    const same = known.find((one) => one.name === contact.name && one.phone === contact.phone);
    if (same !== undefined) {
      await ctx.db.replace("contacts", same._id, contact);
      return same._id;
    }
    if (known.length >= MAX_CONTACTS) {
      fail("BAD_INPUT", `There is room for ${MAX_CONTACTS} contacts: remove some`, "contacts");
    }
    return ctx.db.insert("contacts", contact);
  },
});

/** An address book to import. `country`: of numbers that are written as they are dialled there (ISO 3166). */
const addressBook = { contacts: v.array(v.object(written)), country: v.optional(v.string()) };

/**
 * Import an address book. What can't be taken is left out, and `skipped` says which row (from 0) and why; the rest
 * is taken. So importing twice adds nothing the second time.
 */
export const importMany = userMutation({
  args: addressBook,
  returns: v.object({
    added: v.number(),
    skipped: v.array(v.object({ row: v.number(), reason: v.string() })),
  }),
  handler: async (ctx, args) => {
    const skipped: { row: number; reason: string }[] = [];
    let added = 0;
    for (const [row, contact] of (await judged(ctx, ctx.user, args)).entries()) {
      if (typeof contact === "string") skipped.push({ row, reason: contact });
      else {
        await ctx.db.insert("contacts", contact);
        added += 1;
      }
    }
    return { added, skipped };
  },
});

/** What `importMany` would do with each row: take it with this number (E.164), or leave it out, and why. */
export const preview = userQuery({
  args: addressBook,
  returns: v.array(v.union(v.object({ phone: v.string() }), v.object({ reason: v.string() }))),
  handler: async (ctx, args) =>
    (await judged(ctx, ctx.user, args)).map((contact) =>
      typeof contact === "string" ? { reason: contact } : { phone: contact.phone },
    ),
});

/** The countries there are for `importMany`, with their calling codes, and the person's own by their phone. */
export const countries = userQuery({
  args: {},
  returns: v.object({
    own: v.optional(v.string()),
    all: v.array(v.object({ country: v.string(), code: v.string() })),
  }),
  handler: async (ctx) => ({
    own: ctx.user.phone === undefined ? undefined : countryOf(ctx.user.phone),
    all: callingCodes(),
  }),
});

export const update = userMutation({
  args: {
    contactId: v.id("contacts"),
    name: v.optional(v.string()),
    phone: v.optional(v.string()),
    aliases: v.optional(v.array(v.string())),
    notes: v.optional(v.string()),
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const contact = await ownContact(ctx, ctx.user, args.contactId);
    await ctx.db.patch("contacts", contact._id, {
      name: args.name === undefined ? contact.name : text("name", args.name, MAX_NAME_CHARS),
      phone: args.phone === undefined ? contact.phone : subscriber(ctx.user, args.phone),
      aliases: args.aliases === undefined ? contact.aliases : names(args.aliases),
      notes: args.notes === undefined ? contact.notes : optionalText("notes", args.notes, MAX_NOTES_CHARS),
    });
    return null;
  },
});

export const remove = userMutation({
  args: { contactId: v.id("contacts") },
  returns: v.null(),
  handler: async (ctx, { contactId }) => {
    await ctx.db.delete("contacts", (await ownContact(ctx, ctx.user, contactId))._id);
    return null;
  },
});

type Written = { name: string; phone: string; aliases?: string[]; notes?: string };
type Contact = Omit<Doc<"contacts">, "_id" | "_creationTime">;

function checked(user: Doc<"users">, given: Written): Contact {
  return {
    userId: user._id,
    name: text("name", given.name, MAX_NAME_CHARS),
    phone: subscriber(user, given.phone),
    aliases: names(given.aliases ?? []),
    notes: optionalText("notes", given.notes, MAX_NOTES_CHARS),
  };
}

/** Each row as it can be kept, or why it can't be. */
async function judged(
  ctx: QueryCtx,
  user: Doc<"users">,
  { contacts, country }: { contacts: Written[]; country?: string },
): Promise<(Contact | string)[]> {
  const known = await contactsOf(ctx, user._id);
  const taken = new Set(known.map(nameAndPhone));
  return atMost("contacts", contacts, MAX_CONTACTS_AT_ONCE).map((one) => {
    const phone = country === undefined ? one.phone : international(one.phone, country);
    const contact = checkedOrReason(user, { ...one, phone });
    if (typeof contact === "string") return contact;
    if (taken.has(nameAndPhone(contact))) return "You have this contact already";
    if (taken.size >= MAX_CONTACTS) return `There is room for ${MAX_CONTACTS} contacts: remove some`;
    taken.add(nameAndPhone(contact));
    return contact;
  });
}

/** The contact, or why it can't be taken. */
function checkedOrReason(user: Doc<"users">, given: Written): Contact | string {
  try {
    return checked(user, given);
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    return failure.message;
  }
}

function nameAndPhone({ name, phone }: Pick<Contact, "name" | "phone">): string {
  return `${phone} ${name}`;
}

/** A number that could be called for this person. */
function subscriber(user: Doc<"users">, phone: string): string {
  return callableNumber("phone", phone, [
    ...floydNumbers(),
    ...(user.phone === undefined ? [] : [user.phone]),
  ]);
}

function names(aliases: string[]): string[] {
  return atMost("aliases", aliases, MAX_ALIASES).map((alias) => text("aliases", alias, MAX_NAME_CHARS));
}

function contactsOf(ctx: QueryCtx, userId: Id<"users">): Promise<Doc<"contacts">[]> {
  return ctx.db
    .query("contacts")
    .withIndex("by_user", (q) => q.eq("userId", userId))
    .take(MAX_CONTACTS);
}

async function ownContact(
  ctx: QueryCtx,
  user: Doc<"users">,
  contactId: Id<"contacts">,
): Promise<Doc<"contacts">> {
  const contact = await ctx.db.get("contacts", contactId);
  if (contact === null || contact.userId !== user._id) {
    fail("NOT_FOUND", "You have no such contact", "contactId");
  }
  return contact;
}
