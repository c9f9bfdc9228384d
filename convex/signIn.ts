/**
 * Signing in by Floyd itself: one-time links, and the sessions that they begin.
 *
 *   link     a code of 256 random bits in the fragment of an address; whoever holds Floyd's key makes one
 *   session  another such secret, kept by one browser; it yields tokens that hold for minutes
 *
 * Both are made outside and only their SHA-256 comes here, so neither the database nor the arguments in a log are
 * worth stealing. The worker that serves the page calls these functions with its service token and signs the
 * tokens; a person sees and ends the sessions that are theirs. People who come by another identity provider have
 * their sessions there, and none here.
 */
import { type Infer, v } from "convex/values";
import { literals } from "convex-helpers/validators";
import type { Doc } from "./_generated/dataModel";
import { internalMutation, type MutationCtx, type QueryCtx } from "./_generated/server";
import { fail } from "./errors";
import { personMutation, personQuery, workerMutation } from "./functions";
import { floydIssuer } from "./identity";
import { MAX_NAME_CHARS, optionalText } from "./input";
import { log } from "./log";

/** Long enough to walk to another device, too short to be found in somebody's scrollback. */
const LINK_MS = 15 * 60 * 1000;
/** A browser that was not used for so long signs in anew. */
const SESSION_MS = 30 * 24 * 60 * 60 * 1000;
/** A session is written to at most so often, however many tokens it yields. */
const TOUCH_MS = 60 * 60 * 1000;
/** So long a link is remembered, for whoever opens it too late to be told why it does not work. */
const LINK_KEPT_MS = 7 * 24 * 60 * 60 * 1000;
/** Devices of one person; each begins with a link made by hand. */
const MAX_SESSIONS = 50;
const MAX_DEVICE_CHARS = 60;
const SWEEP_BATCH = 200;

const HASH = /^[0-9a-f]{64}$/;
const SUBJECT = /^person:[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/;

/** What a token is to say about the person. `name`: what Floyd calls them, if it knows them. */
const granted = v.object({
  kind: v.literal("granted"),
  sessionId: v.id("sessions"),
  subject: v.string(),
  operator: v.boolean(),
  name: v.optional(v.string()),
});
const refused = v.object({ kind: v.literal("refused"), because: literals("unknown", "used", "expired") });

type Granted = Infer<typeof granted>;
type Refused = Infer<typeof refused>;

/** A link for this person. With the same hash again, the same link. */
export const offer = workerMutation({
  args: {
    codeHash: v.string(),
    /** `person:<name>` */
    subject: v.string(),
    operator: v.boolean(),
    name: v.optional(v.string()),
  },
  returns: v.object({ expiresAt: v.number(), known: v.boolean() }),
  handler: async (ctx, args): Promise<{ expiresAt: number; known: boolean }> => {
    const codeHash = hash("codeHash", args.codeHash);
    const subject = person(args.subject);
    const known = (await nameOf(ctx, subject)) !== undefined;
    const earlier = await linkOf(ctx, codeHash);
    if (earlier !== null) return { expiresAt: earlier.expiresAt, known };
    const expiresAt = Date.now() + LINK_MS;
    const name = optionalText("name", args.name, MAX_NAME_CHARS);
    await ctx.db.insert("signInCodes", { codeHash, subject, operator: args.operator, name, expiresAt });
    return { expiresAt, known };
  },
});

/**
 * Use a link up and begin a session: both, or neither, and only once however many try at the same moment. With
 * the same secret again, the same session: the worker may have missed the first answer.
 */
export const redeem = workerMutation({
  args: { codeHash: v.string(), secretHash: v.string(), device: v.optional(v.string()) },
  returns: v.union(granted, refused),
  handler: async (ctx, args): Promise<Granted | Refused> => {
    const secretHash = hash("secretHash", args.secretHash);
    const link = await linkOf(ctx, hash("codeHash", args.codeHash));
    if (link === null) return { kind: "refused", because: "unknown" };
    if (link.secretHash !== undefined) {
      const session = link.secretHash === secretHash ? await sessionOf(ctx, secretHash) : null;
      return session === null ? { kind: "refused", because: "used" } : grant(ctx, session);
    }
    const now = Date.now();
    if (link.expiresAt <= now) return { kind: "refused", because: "expired" };
    await ctx.db.patch("signInCodes", link._id, { secretHash });
    await makeRoom(ctx, link.subject);
    const sessionId = await ctx.db.insert("sessions", {
      secretHash,
      subject: link.subject,
      operator: link.operator,
      name: link.name,
      device: optionalText("device", args.device, MAX_DEVICE_CHARS),
      usedAt: now,
      expiresAt: now + SESSION_MS,
    });
    log("session", { session: sessionId, begun: "link" });
    const session = await ctx.db.get("sessions", sessionId);
    if (session === null) throw new Error("a row that was just written is there");
    return grant(ctx, session);
  },
});

/** What a new token of this session says; null when there is no such session any more. Keeps it alive. */
export const renew = workerMutation({
  args: { secretHash: v.string() },
  returns: v.union(granted, v.null()),
  handler: async (ctx, args): Promise<Granted | null> => {
    const session = await sessionOf(ctx, hash("secretHash", args.secretHash));
    if (session === null) return null;
    const now = Date.now();
    if (session.usedAt <= now - TOUCH_MS) {
      await ctx.db.patch("sessions", session._id, { usedAt: now, expiresAt: now + SESSION_MS });
    }
    return grant(ctx, session);
  },
});

/** Sign a browser out. Harmless when repeated. */
export const end = workerMutation({
  args: { secretHash: v.string() },
  returns: v.null(),
  handler: async (ctx, args) => {
    const session = await sessionOf(ctx, hash("secretHash", args.secretHash));
    if (session !== null) await drop(ctx, session, "sign-out");
    return null;
  },
});

const shownSession = v.object({
  sessionId: v.id("sessions"),
  /** Browser and system, as far as the browser says. */
  device: v.optional(v.string()),
  operator: v.boolean(),
  begunAt: v.number(),
  /** To the hour. */
  usedAt: v.number(),
  expiresAt: v.number(),
  /** The one that asks. */
  current: v.boolean(),
});

/** Where the person is signed in, the latest first. */
export const sessions = personQuery({
  args: {},
  returns: v.array(shownSession),
  handler: async (ctx): Promise<Infer<typeof shownSession>[]> => {
    const { issuer, subject, sid } = ctx.identity;
    if (issuer !== floydIssuer()) return [];
    const rows = await sessionsOf(ctx, subject);
    return rows.map(({ _id, _creationTime, device, operator, usedAt, expiresAt }) => ({
      sessionId: _id,
      device,
      operator,
      begunAt: _creationTime,
      usedAt,
      expiresAt,
      current: sid === _id,
    }));
  },
});

/** Sign one of one's own browsers out. It can do what its last token allows for up to ten minutes more. */
export const revoke = personMutation({
  args: { sessionId: v.id("sessions") },
  returns: v.null(),
  handler: async (ctx, { sessionId }) => {
    const session = await ctx.db.get("sessions", sessionId);
    const own = ctx.identity.issuer === floydIssuer() && session?.subject === ctx.identity.subject;
    if (session === null || !own) fail("NOT_FOUND", "There is no such session of yours", "sessionId");
    await drop(ctx, session, "revoked");
    return null;
  },
});

/** For `crons.ts`: what is over is deleted, a batch at a time. */
export const sweep = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const now = Date.now();
    const links = await ctx.db
      .query("signInCodes")
      .withIndex("by_expiry", (q) => q.lt("expiresAt", now - LINK_KEPT_MS))
      .take(SWEEP_BATCH);
    for (const link of links) await ctx.db.delete("signInCodes", link._id);
    const over = await ctx.db
      .query("sessions")
      .withIndex("by_expiry", (q) => q.lt("expiresAt", now))
      .take(SWEEP_BATCH);
    for (const session of over) await drop(ctx, session, "unused");
    return null;
  },
});

async function grant(ctx: QueryCtx, session: Doc<"sessions">): Promise<Granted> {
  const { _id: sessionId, subject, operator } = session;
  const name = (await nameOf(ctx, subject)) ?? session.name;
  return { kind: "granted", sessionId, subject, operator, name };
}

/** The oldest sessions make way, so that a person's list stays one that can be shown. */
async function makeRoom(ctx: MutationCtx, subject: string): Promise<void> {
  const rows = await sessionsOf(ctx, subject);
  for (const session of rows.slice(MAX_SESSIONS - 1)) await drop(ctx, session, "too-many");
}

async function drop(ctx: MutationCtx, session: Doc<"sessions">, by: string): Promise<void> {
  await ctx.db.delete("sessions", session._id);
  log("session", { session: session._id, ended: by });
}

function sessionsOf(ctx: QueryCtx, subject: string): Promise<Doc<"sessions">[]> {
  return ctx.db
    .query("sessions")
    .withIndex("by_subject", (q) => q.eq("subject", subject))
    .order("desc")
    .take(MAX_SESSIONS);
}

function linkOf(ctx: QueryCtx, codeHash: string): Promise<Doc<"signInCodes"> | null> {
  return ctx.db
    .query("signInCodes")
    .withIndex("by_hash", (q) => q.eq("codeHash", codeHash))
    .unique();
}

/** Null also for one that was not used for too long. */
async function sessionOf(ctx: QueryCtx, secretHash: string): Promise<Doc<"sessions"> | null> {
  const session = await ctx.db
    .query("sessions")
    .withIndex("by_hash", (q) => q.eq("secretHash", secretHash))
    .unique();
  return session !== null && session.expiresAt > Date.now() ? session : null;
}

async function nameOf(ctx: QueryCtx, subject: string): Promise<string | undefined> {
  const user = await ctx.db
    .query("users")
    .withIndex("by_token", (q) => q.eq("tokenIdentifier", `${floydIssuer()}|${subject}`))
    .unique();
  return user?.name;
}

function hash(field: string, value: string): string {
  if (HASH.test(value)) return value;
  fail("BAD_INPUT", `\`${field}\` must be a SHA-256 in lower-case hex`, field);
}

function person(subject: string): string {
  if (SUBJECT.test(subject)) return subject;
  fail("BAD_INPUT", '`subject` must be "person:" and a name of letters, digits and "._@-"', "subject");
}
