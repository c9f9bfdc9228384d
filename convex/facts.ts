/** What Floyd knows about a person: theirs to write, to mark and to forget. Workers may offer, not decide. */
import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx, QueryCtx } from "./_generated/server";
import { ownCall } from "./callRows";
import { fail } from "./errors";
import { userMutation, userQuery, workerMutation } from "./functions";
import {
  list as atMost,
  MAX_EVIDENCE_LINES,
  MAX_FACT_CHARS,
  MAX_FACTS,
  MAX_FACTS_AT_ONCE,
  text,
} from "./input";
import { requireLease } from "./leases";
import { evidenceOf } from "./reports";
import { ownRequest } from "./requests";
import schema, { sharing, speaker } from "./schema";

const written = { text: v.string(), sharing: v.optional(sharing) };

export const list = userQuery({
  args: {},
  returns: v.array(schema.doc("facts")),
  handler: (ctx): Promise<Doc<"facts">[]> => allFacts(ctx, ctx.user._id),
});

/** Unless marked otherwise a fact that the person writes may be told. */
export const add = userMutation({
  args: written,
  returns: v.id("facts"),
  handler: async (ctx, args): Promise<Id<"facts">> => {
    const known = await roomFor(ctx, ctx.user._id, 1);
    return addFact(ctx, ctx.user._id, known, args, "owner");
  },
});

/** Import facts. What is known already, word for word, is not written twice. */
export const addMany = userMutation({
  args: { facts: v.array(v.object(written)) },
  returns: v.array(v.id("facts")),
  handler: async (ctx, args): Promise<Id<"facts">[]> => {
    const facts = atMost("facts", args.facts, MAX_FACTS_AT_ONCE);
    const known = await roomFor(ctx, ctx.user._id, facts.length);
    const ids = [];
    for (const fact of facts) ids.push(await addFact(ctx, ctx.user._id, known, fact, "import"));
    return ids;
  },
});

export const update = userMutation({
  args: { factId: v.id("facts"), text: v.optional(v.string()), sharing: v.optional(sharing) },
  returns: v.null(),
  handler: async (ctx, args) => {
    const fact = await ownFact(ctx, ctx.user, args.factId);
    await ctx.db.patch("facts", fact._id, {
      text: args.text === undefined ? fact.text : text("text", args.text, MAX_FACT_CHARS),
      sharing: args.sharing ?? fact.sharing,
    });
    return null;
  },
});

export const remove = userMutation({
  args: { factId: v.id("facts") },
  returns: v.null(),
  handler: async (ctx, { factId }) => {
    await ctx.db.delete("facts", (await ownFact(ctx, ctx.user, factId))._id);
    return null;
  },
});

/** Put back what was removed, with where it came from. What is known word for word by now stays as it is. */
export const restore = userMutation({
  args: { fact: schema.doc("facts").omit("_id", "_creationTime", "userId") },
  returns: v.id("facts"),
  handler: async (ctx, { fact }): Promise<Id<"facts">> => {
    const known = await roomFor(ctx, ctx.user._id, 1);
    const said = text("fact.text", fact.text, MAX_FACT_CHARS);
    const same = known.find((one) => one.text === said);
    if (same !== undefined) return same._id;
    if (fact.requestId !== undefined) await ownRequest(ctx, ctx.user, fact.requestId);
    if (fact.callId !== undefined) await ownCall(ctx, ctx.user, fact.callId);
    const lines = fact.lines && atMost("fact.lines", fact.lines, MAX_EVIDENCE_LINES);
    return ctx.db.insert("facts", { ...fact, text: said, lines, userId: ctx.user._id });
  },
});

/** Where a fact was learnt: the request, and what was said. Null for what the person said themselves. */
export const evidence = userQuery({
  args: { factId: v.id("facts") },
  returns: v.union(
    v.null(),
    v.object({
      requestId: v.id("requests"),
      requestText: v.string(),
      lines: v.array(v.object({ seq: v.number(), speaker, text: v.string() })),
    }),
  ),
  handler: async (ctx, { factId }) => {
    const fact = await ownFact(ctx, ctx.user, factId);
    const call = fact.callId === undefined ? null : await ctx.db.get("calls", fact.callId);
    // Facts of earlier versions name the call alone.
    const requestId = fact.requestId ?? call?.requestId;
    const request = requestId === undefined ? null : await ctx.db.get("requests", requestId);
    if (request === null) return null;
    const lines = call === null ? [] : await saidAt(ctx, call._id, fact.lines ?? []);
    return { requestId: request._id, requestText: request.text, lines };
  },
});

export const accept = userMutation({
  args: { factId: v.id("facts"), sharing: v.optional(sharing) },
  returns: v.null(),
  handler: async (ctx, args) => {
    const fact = await ownFact(ctx, ctx.user, args.factId);
    await ctx.db.patch("facts", fact._id, { status: "accepted", sharing: args.sharing ?? fact.sharing });
    return null;
  },
});

/** Kept as rejected, so that it is not offered again. */
export const reject = userMutation({
  args: { factId: v.id("facts") },
  returns: v.null(),
  handler: async (ctx, { factId }) => {
    await ctx.db.patch("facts", (await ownFact(ctx, ctx.user, factId))._id, { status: "rejected" });
    return null;
  },
});

/**
 * Offer what was learnt on a call, or from an answer, with the lines that support it. The person decides; until
 * then, and unless they say otherwise, it is marked `ask`. What is known, offered or rejected is not offered.
 */
export const offer = workerMutation({
  args: {
    requestId: v.id("requests"),
    token: v.string(),
    callId: v.optional(v.id("calls")),
    facts: v.array(v.object({ text: v.string(), lines: v.array(v.number()) })),
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    await requireLease(ctx, args.requestId, args.token);
    const request = await ctx.db.get("requests", args.requestId);
    if (request === null) fail("NOT_FOUND", "There is no such request", "requestId");
    const offered = atMost("facts", args.facts, MAX_FACTS_AT_ONCE);
    const known = new Set((await allFacts(ctx, request.userId)).map((fact) => fact.text));
    const evidence = await evidenceOf(ctx, request);
    for (const fact of offered) {
      const learnt = text("facts.text", fact.text, MAX_FACT_CHARS);
      // A full memory takes no offers; the person makes room by removing facts.
      if (known.has(learnt) || known.size >= MAX_FACTS) continue;
      known.add(learnt);
      const { lines } = await evidence.supported(args.callId, fact.lines);
      await ctx.db.insert("facts", {
        userId: request.userId,
        text: learnt,
        source: args.callId === undefined ? "answer" : "call",
        sharing: "ask",
        status: "offered",
        requestId: request._id,
        callId: args.callId,
        lines,
      });
    }
    return null;
  },
});

async function saidAt(ctx: QueryCtx, callId: Id<"calls">, seqs: number[]) {
  const said = [];
  for (const seq of seqs) {
    const line = await ctx.db
      .query("transcript")
      .withIndex("by_call", (q) => q.eq("callId", callId).eq("seq", seq))
      .unique();
    if (line !== null) said.push({ seq, speaker: line.speaker, text: line.text });
  }
  return said;
}

function allFacts(ctx: QueryCtx, userId: Id<"users">): Promise<Doc<"facts">[]> {
  return ctx.db
    .query("facts")
    .withIndex("by_user", (q) => q.eq("userId", userId))
    .take(MAX_FACTS);
}

/** The facts there are, if `more` fit beside them. */
async function roomFor(ctx: QueryCtx, userId: Id<"users">, more: number): Promise<Doc<"facts">[]> {
  const facts = await allFacts(ctx, userId);
  if (facts.length + more > MAX_FACTS) {
    fail(
      "BAD_INPUT",
      `There is room for ${MAX_FACTS} facts, and ${facts.length} are kept: remove some`,
      "facts",
    );
  }
  return facts;
}

async function addFact(
  ctx: MutationCtx,
  userId: Id<"users">,
  known: Doc<"facts">[],
  fact: { text: string; sharing?: Doc<"facts">["sharing"] },
  source: "owner" | "import",
): Promise<Id<"facts">> {
  const said = text("text", fact.text, MAX_FACT_CHARS);
  const same = known.find((one) => one.text === said);
  if (same !== undefined) {
    const change = { status: "accepted" as const, sharing: fact.sharing ?? same.sharing };
    await ctx.db.patch("facts", same._id, change);
    return same._id;
  }
  const row = { userId, text: said, source, sharing: fact.sharing ?? "free", status: "accepted" as const };
  const factId = await ctx.db.insert("facts", row);
  known.push({ ...row, _id: factId, _creationTime: Date.now() });
  return factId;
}

async function ownFact(ctx: QueryCtx, user: Doc<"users">, factId: Id<"facts">): Promise<Doc<"facts">> {
  const fact = await ctx.db.get("facts", factId);
  if (fact === null || fact.userId !== user._id) fail("NOT_FOUND", "You have no such fact", "factId");
  return fact;
}
