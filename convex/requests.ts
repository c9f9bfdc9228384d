/**
 * Requests: what a person wants done, and the steps of the worker that does it. Each of the worker's steps
 * carries the fencing token of its lease and is harmless when it runs twice.
 */
import { paginationOptsValidator, paginationResultValidator } from "convex/server";
import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { MutationCtx, QueryCtx } from "./_generated/server";
import { openQuestion } from "./asking";
import { unendedCall } from "./callRows";
import { mayDialNow } from "./due";
import { fail } from "./errors";
import { edit as changeRequest, callAt as chooseTime, file, postpone, callAgain as repeat } from "./filing";
import { userMutation, userQuery, workerMutation, workerQuery } from "./functions";
import {
  list as atMost,
  identifier,
  MAX_FACT_CHARS,
  MAX_FACTS,
  MAX_KEY_CHARS,
  MAX_NAME_CHARS,
  MAX_PLAN_CHARS,
  MAX_QUESTION_CHARS,
  MAX_REASON_CHARS,
  MAX_SEARCH_CHARS,
  moment,
  optionalText,
  text,
  whole,
} from "./input";
import { grantLease, leaseByToken, leaseToEnd, requireLease } from "./leases";
import { move } from "./lifecycle";
import { log } from "./log";
import { materialFor, materialShape, withoutSecrets } from "./material";
import { checkedReport } from "./reports";
import schema, { chosenNumber, contextFact, outcome, reportedFact, stage, standing } from "./schema";
import { shownRequest, showRequest } from "./showing";
import { numberToCall } from "./suppressions";
import { currentWorker } from "./workers";

/** The worker needs the next few: it claims them one by one. */
const PENDING_SHOWN = 20;
/** Requests put off by one claim; the worker looks again a second later. */
const MAX_POSTPONED = 50;
/** A question that waits longer has been forgotten by everybody. */
const MAX_DEADLINE_MS = 30 * 24 * 60 * 60 * 1000;

// ---- what a person does

/** `notBefore`: no call before then; like everything that waits, it is moved into the person's call hours. */
export const create = userMutation({
  args: {
    text: v.string(),
    to: v.optional(v.string()),
    idempotencyKey: v.optional(v.string()),
    notBefore: v.optional(v.number()),
  },
  returns: v.id("requests"),
  handler: async (ctx, args): Promise<Id<"requests">> => {
    const idempotencyKey = optionalText("idempotencyKey", args.idempotencyKey, MAX_KEY_CHARS);
    if (idempotencyKey !== undefined) {
      const known = await ctx.db
        .query("requests")
        .withIndex("by_key", (q) => q.eq("userId", ctx.user._id).eq("idempotencyKey", idempotencyKey))
        .unique();
      if (known !== null) return known._id;
    }
    return file(ctx, ctx.user, { ...args, idempotencyKey });
  },
});

/** Only while it waits, for its turn or for an answer. `to: null`: Floyd is to find the number. */
export const edit = userMutation({
  args: {
    requestId: v.id("requests"),
    text: v.optional(v.string()),
    to: v.optional(v.union(v.string(), v.null())),
  },
  returns: v.null(),
  handler: async (ctx, { requestId, ...change }) => {
    await changeRequest(ctx, ctx.user, await ownRequest(ctx, ctx.user, requestId), change);
    return null;
  },
});

/** Only while it waits for its turn. A moment that is past means now; call hours do not apply to a chosen moment. */
export const callAt = userMutation({
  args: { requestId: v.id("requests"), at: v.number() },
  returns: v.null(),
  handler: async (ctx, { requestId, at }) => {
    await chooseTime(ctx, await ownRequest(ctx, ctx.user, requestId), at);
    return null;
  },
});

/** File the same once more: a new request, with `againOf`. */
export const callAgain = userMutation({
  args: { requestId: v.id("requests") },
  returns: v.id("requests"),
  handler: async (ctx, { requestId }): Promise<Id<"requests">> =>
    repeat(ctx, ctx.user, await ownRequest(ctx, ctx.user, requestId)),
});

export const get = userQuery({
  args: { requestId: v.id("requests") },
  returns: schema.doc("requests"),
  handler: (ctx, { requestId }): Promise<Doc<"requests">> => ownRequest(ctx, ctx.user, requestId),
});

/**
 * A person's requests, newest first; with `search`, those with such words, best first. `show`: only those that
 * Floyd is at work on ("active"), that wait for an answer ("waiting"), that are done, or that came to nothing.
 */
export const list = userQuery({
  args: {
    paginationOpts: paginationOptsValidator,
    search: v.optional(v.string()),
    show: v.optional(standing),
  },
  returns: paginationResultValidator(schema.doc("requests")),
  handler: (ctx, { paginationOpts, search, show }) => {
    const userId = ctx.user._id;
    const requests = ctx.db.query("requests");
    const words = optionalText("search", search, MAX_SEARCH_CHARS);
    if (words !== undefined) {
      const found = requests.withSearchIndex("by_text", (q) => {
        const own = q.search("text", words).eq("userId", userId);
        return show === undefined ? own : own.eq("standing", show);
      });
      return found.paginate(paginationOpts);
    }
    const own =
      show === undefined
        ? requests.withIndex("by_user", (q) => q.eq("userId", userId))
        : requests.withIndex("by_standing", (q) => q.eq("standing", show).eq("userId", userId));
    return own.order("desc").paginate(paginationOpts);
  },
});

/**
 * Everything a client shows of one request. Reads are bounded: the newest are kept, in their order. `lines`: so many
 * of the transcript (1,000 unless given). `live: false` is for a client that follows `live:list` beside it, so that
 * each word being spoken does not bring everything else again.
 */
export const show = userQuery({
  args: { requestId: v.id("requests"), lines: v.optional(v.number()), live: v.optional(v.boolean()) },
  returns: shownRequest,
  handler: async (ctx, { requestId, lines, live }) => {
    const request = await ownRequest(ctx, ctx.user, requestId);
    return showRequest(ctx, request, { lines: lines && whole("lines", lines), live });
  },
});

export const cancel = userMutation({
  args: { requestId: v.id("requests") },
  returns: v.null(),
  handler: async (ctx, { requestId }) => {
    const request = await ownRequest(ctx, ctx.user, requestId);
    if (request.status !== "cancelled") await move(ctx, request, "cancelled", "cancel");
    return null;
  },
});

/** A request of this person's; another's does not exist. */
export async function ownRequest(
  ctx: QueryCtx,
  user: Doc<"users">,
  requestId: Id<"requests">,
): Promise<Doc<"requests">> {
  const request = await ctx.db.get("requests", requestId);
  if (request === null || request.userId !== user._id) {
    fail("NOT_FOUND", "You have no such request: `floyd list` shows yours", "requestId");
  }
  return request;
}

// ---- what a worker does

/** What waits, soonest first; also what is due later, so that the worker can set an alarm. No clock is read. */
export const pending = workerQuery({
  args: {},
  returns: v.array(v.object({ requestId: v.id("requests"), notBefore: v.number() })),
  handler: async (ctx) => {
    const waiting = await ctx.db
      .query("requests")
      .withIndex("by_status", (q) => q.eq("status", "pending"))
      .take(PENDING_SHOWN);
    return waiting.map(({ _id, notBefore }) => ({ requestId: _id, notBefore }));
  },
});

/**
 * Take the request that has been due longest, if there is one and the worker is not to drain. `token` is the fencing token, random and new for
 * each claim: claiming again with a token whose lease is live returns the same request.
 */
export const claim = workerMutation({
  args: { workerId: v.string(), incarnation: v.string(), token: v.string() },
  returns: v.union(v.null(), v.object({ request: schema.doc("requests"), user: schema.doc("users") })),
  handler: async (ctx, args) => {
    const { workerId, drain: draining } = await currentWorker(ctx, args.workerId, args.incarnation);
    const token = identifier("token", args.token);
    const earlier = await leaseByToken(ctx, token);
    if (earlier !== null) {
      return earlier.endedAt === undefined ? claimed(ctx, earlier.requestId) : null;
    }
    if (draining) return null;
    const request = await nextDue(ctx);
    if (request === null) return null;
    await grantLease(ctx, { requestId: request._id, workerId, incarnation: args.incarnation, token });
    log("claim", { request: request._id, worker: workerId, attempt: request.attempts + 1 });
    await move(ctx, request, "inFlight", "claim", { workerId, stage: "gatheringContext", planDone: false });
    return claimed(ctx, request._id);
  },
});

/** The request that has been due longest. One whose owner's call hours have ended meanwhile waits for the next. */
async function nextDue(ctx: MutationCtx): Promise<Doc<"requests"> | null> {
  for (let looked = 0; looked < MAX_POSTPONED; looked++) {
    const request = await ctx.db
      .query("requests")
      .withIndex("by_status", (q) => q.eq("status", "pending").lte("notBefore", Date.now()))
      .first();
    if (request === null || !(await postpone(ctx, await ownerOf(ctx, request), request))) return request;
  }
  return null;
}

async function claimed(
  ctx: QueryCtx,
  requestId: Id<"requests">,
): Promise<{ request: Doc<"requests">; user: Doc<"users"> }> {
  const request = await leasedRequest(ctx, requestId);
  return { request: await withoutSecrets(ctx, request), user: await ownerOf(ctx, request) };
}

/** What Floyd may use for this request: what it knows, whom it knows, what was said and answered so far. */
export const material = workerQuery({
  args: { requestId: v.id("requests"), token: v.string() },
  returns: materialShape,
  handler: async (ctx, { requestId, token }) => {
    await requireLease(ctx, requestId, token);
    const request = await leasedRequest(ctx, requestId);
    return materialFor(ctx, request, await ownerOf(ctx, request));
  },
});

export const setStage = workerMutation({
  args: { requestId: v.id("requests"), token: v.string(), stage },
  returns: v.null(),
  handler: async (ctx, { requestId, token, stage }) => {
    await requireLease(ctx, requestId, token);
    const request = await leasedRequest(ctx, requestId);
    if (request.stage !== stage) await ctx.db.patch("requests", requestId, { stage, updatedAt: Date.now() });
    return null;
  },
});

/** Keep the facts chosen for this request as they are now. A fact marked `never` can't be chosen. */
export const saveContext = workerMutation({
  args: { requestId: v.id("requests"), token: v.string(), facts: v.array(contextFact) },
  returns: v.null(),
  handler: async (ctx, { requestId, token, facts }) => {
    await requireLease(ctx, requestId, token);
    const request = await leasedRequest(ctx, requestId);
    const context = [];
    for (const chosen of atMost("facts", facts, MAX_FACTS)) {
      const fact = chosen.factId === undefined ? null : await ctx.db.get("facts", chosen.factId);
      if (chosen.factId !== undefined && fact?.userId !== request.userId) {
        fail("NOT_FOUND", "A chosen fact is not one of this person's (any more)", "facts");
      }
      if ((fact ?? chosen).sharing === "never") {
        fail("FORBIDDEN", "A fact marked `never` can't be used in a call", "facts");
      }
      context.push({
        factId: chosen.factId,
        text: text("facts.text", chosen.text, MAX_FACT_CHARS),
        sharing: fact?.sharing ?? chosen.sharing,
      });
    }
    await ctx.db.patch("requests", requestId, { context, updatedAt: Date.now() });
    return null;
  },
});

/** The plan as far as it is written. A repetition that arrives after the whole plan changes nothing. */
export const writePlan = workerMutation({
  args: { requestId: v.id("requests"), token: v.string(), text: v.string(), done: v.boolean() },
  returns: v.null(),
  handler: async (ctx, args) => {
    await requireLease(ctx, args.requestId, args.token);
    const request = await leasedRequest(ctx, args.requestId);
    if (request.planDone && !args.done) return null;
    const plan = optionalText("text", args.text, MAX_PLAN_CHARS) ?? "";
    await ctx.db.patch("requests", args.requestId, { plan, planDone: args.done, updatedAt: Date.now() });
    return null;
  },
});

/**
 * The last step before the call. `postponed`: it took so long that the owner's call hours are over; the request is
 * pending again, the lease has ended, and there is nothing to dial.
 */
export const saveNumber = workerMutation({
  args: { requestId: v.id("requests"), token: v.string(), number: chosenNumber },
  returns: v.object({ postponed: v.boolean() }),
  handler: async (ctx, { requestId, token, number }): Promise<{ postponed: boolean }> => {
    const { repeated } = await leaseToEnd(ctx, requestId, token, "hours");
    if (repeated) return { postponed: true };
    const request = await leasedRequest(ctx, requestId);
    const user = await ownerOf(ctx, request);
    const override = number.source === "override";
    const phone = await numberToCall(ctx, "number", number.phone, user, override);
    const name = optionalText("number.name", number.name, MAX_NAME_CHARS);
    await ctx.db.patch("requests", requestId, {
      number: { phone, source: number.source, name },
      updatedAt: Date.now(),
    });
    const postponed = !mayDialNow(user, request.anyHour) && (await unendedCall(ctx, requestId)) === null;
    if (postponed) await move(ctx, request, "pending", "hours");
    return { postponed };
  },
});

/**
 * Ask the owner. With `callId` somebody holds the line: the request stays inFlight and the answer comes through
 * the worker's inbox. Without: the request becomes needsInput, and the lease ends.
 */
export const ask = workerMutation({
  args: {
    requestId: v.id("requests"),
    token: v.string(),
    question: v.string(),
    deadline: v.number(),
    callId: v.optional(v.id("calls")),
  },
  returns: v.id("questions"),
  handler: async (ctx, args): Promise<Id<"questions">> => {
    const question = text("question", args.question, MAX_QUESTION_CHARS);
    const deadline = sensibleDeadline(args.deadline);
    if (args.callId !== undefined) {
      const { workerId } = await requireLease(ctx, args.requestId, args.token);
      const request = await leasedRequest(ctx, args.requestId);
      const call = await unendedCall(ctx, request._id);
      if (call?._id !== args.callId) {
        fail(
          "CONFLICT",
          "That call is not going on: ask without a call, or say that input is needed",
          "callId",
        );
      }
      return openQuestion(ctx, request, { text: question, deadline, workerId, callId: args.callId });
    }
    const { lease, repeated } = await leaseToEnd(ctx, args.requestId, args.token, "ask");
    if (repeated && lease.questionId !== undefined) return lease.questionId;
    const request = await leasedRequest(ctx, args.requestId);
    await refuseDuringCall(ctx, request);
    const questionId = await openQuestion(ctx, request, {
      text: question,
      deadline,
      workerId: lease.workerId,
    });
    await move(ctx, request, "needsInput", "ask", {}, { question: questionId });
    return questionId;
  },
});

/** After a call that ended with a promise to call back: keep what came of it, and ask. */
export const needInput = workerMutation({
  args: {
    requestId: v.id("requests"),
    token: v.string(),
    question: v.string(),
    deadline: v.number(),
    summary: v.string(),
    reported: v.optional(v.array(reportedFact)),
  },
  returns: v.id("questions"),
  handler: async (ctx, args): Promise<Id<"questions">> => {
    const { lease, repeated } = await leaseToEnd(ctx, args.requestId, args.token, "needInput");
    if (repeated && lease.questionId !== undefined) return lease.questionId;
    const request = await leasedRequest(ctx, args.requestId);
    const questionId = await openQuestion(ctx, request, {
      text: text("question", args.question, MAX_QUESTION_CHARS),
      deadline: sensibleDeadline(args.deadline),
      workerId: lease.workerId,
    });
    const soFar = await checkedReport(ctx, request, {
      kind: "needsInput",
      summary: args.summary,
      reported: args.reported ?? [],
    });
    await move(ctx, request, "needsInput", "needInput", { outcome: soFar }, { question: questionId });
    return questionId;
  },
});

/** Give the request back: undialled, or to be tried again from `notBefore` on. */
export const release = workerMutation({
  args: {
    requestId: v.id("requests"),
    token: v.string(),
    notBefore: v.optional(v.number()),
    reason: v.string(),
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const { repeated } = await leaseToEnd(ctx, args.requestId, args.token, "release");
    if (repeated) return null;
    const reason = text("reason", args.reason, MAX_REASON_CHARS);
    const request = await leasedRequest(ctx, args.requestId);
    await refuseDuringCall(ctx, request);
    const notBefore = args.notBefore === undefined ? Date.now() : moment("notBefore", args.notBefore);
    await move(ctx, request, "pending", "release", { notBefore }, { reason });
    return null;
  },
});

export const finish = workerMutation({
  args: {
    requestId: v.id("requests"),
    token: v.string(),
    status: v.union(v.literal("completed"), v.literal("failed")),
    outcome,
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const { repeated } = await leaseToEnd(ctx, args.requestId, args.token, "finish");
    if (repeated) return null;
    const request = await leasedRequest(ctx, args.requestId);
    await move(ctx, request, args.status, "finish", {
      outcome: await checkedReport(ctx, request, args.outcome),
    });
    return null;
  },
});

async function leasedRequest(ctx: QueryCtx, requestId: Id<"requests">): Promise<Doc<"requests">> {
  const request = await ctx.db.get("requests", requestId);
  if (request === null) fail("NOT_FOUND", "There is no such request", "requestId");
  return request;
}

async function ownerOf(ctx: QueryCtx, request: Doc<"requests">): Promise<Doc<"users">> {
  const user = await ctx.db.get("users", request.userId);
  if (user === null) fail("NOT_FOUND", "The person of this request is gone", "userId");
  return user;
}

async function refuseDuringCall(ctx: QueryCtx, request: Doc<"requests">): Promise<void> {
  if ((await unendedCall(ctx, request._id)) !== null) {
    fail("CONFLICT", "A call of this request has not ended: end it first", "requestId");
  }
}

/** Whole milliseconds, upwards: a job due at a fraction could look a moment too early. */
function sensibleDeadline(deadline: number): number {
  const due = Math.ceil(moment("deadline", deadline));
  if (due <= Date.now() + MAX_DEADLINE_MS) return due;
  fail("BAD_INPUT", "`deadline` is more than 30 days away: choose an earlier one", "deadline");
}
