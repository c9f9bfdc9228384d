/** Whom a person may want called. */
import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";
import { fail } from "./errors";
import { userMutation, userQuery } from "./functions";
import {
  list as atMost,
  MAX_ALIASES,
  MAX_CONTACTS,
  MAX_NAME_CHARS,
  MAX_NOTES_CHARS,
  optionalText,
  text,
} from "./input";
import { callableNumber, floydNumbers } from "./numbers";
import schema from "./schema";

export const list = userQuery({
  args: {},
  returns: v.array(schema.doc("contacts")),
  handler: (ctx): Promise<Doc<"contacts">[]> => contactsOf(ctx, ctx.user._id),
});

export const add = userMutation({
  args: {
    name: v.string(),
    phone: v.string(),
    aliases: v.optional(v.array(v.string())),
    notes: v.optional(v.string()),
  },
  returns: v.id("contacts"),
  handler: async (ctx, args): Promise<Id<"contacts">> => {
    const contact = {
      userId: ctx.user._id,
      name: text("name", args.name, MAX_NAME_CHARS),
      phone: subscriber(ctx.user, args.phone),
      aliases: names(args.aliases ?? []),
      notes: optionalText("notes", args.notes, MAX_NOTES_CHARS),
    };
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
