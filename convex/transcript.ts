/**
 * What was said and heard. A line is written once, in order, and never changed: what was acknowledged is kept,
 * and what is sent again is skipped.
 */
import { paginationOptsValidator, paginationResultValidator } from "convex/server";
import { v } from "convex/values";
import { callUnder, ownCall } from "./callRows";
import { fail } from "./errors";
import { userQuery, workerMutation } from "./functions";
import {
  list as atMost,
  MAX_LINE_CHARS,
  MAX_LINES_AT_ONCE,
  MAX_LINES_PER_CALL,
  moment,
  optionalText,
  whole,
} from "./input";
import schema, { transcriptLine } from "./schema";

/**
 * Append lines, numbered from 0 without gaps. A `seq` that is known already is skipped; one that comes too
 * early is BAD_INPUT. Accepted from the worker that made the call even if the request has ended meanwhile.
 */
export const append = workerMutation({
  args: { callId: v.id("calls"), token: v.string(), lines: v.array(v.object(transcriptLine)) },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await callUnder(ctx, args.callId, args.token);
    const last = await ctx.db
      .query("transcript")
      .withIndex("by_call", (q) => q.eq("callId", call._id))
      .order("desc")
      .first();
    let next = last === null ? 0 : last.seq + 1;
    for (const line of atMost("lines", args.lines, MAX_LINES_AT_ONCE)) {
      if (whole("lines.seq", line.seq) < next) continue;
      if (line.seq > next) {
        fail("BAD_INPUT", `Line ${next} is missing: lines come in order, without gaps`, "lines.seq");
      }
      if (next >= MAX_LINES_PER_CALL) {
        fail("BAD_INPUT", `A call has at most ${MAX_LINES_PER_CALL} lines: end it`, "lines");
      }
      await ctx.db.insert("transcript", {
        callId: call._id,
        requestId: call.requestId,
        userId: call.userId,
        seq: line.seq,
        speaker: line.speaker,
        // Empty if the line was interrupted before a word of it was heard.
        text: optionalText("lines.text", line.text, MAX_LINE_CHARS) ?? "",
        startedAt: moment("lines.startedAt", line.startedAt),
        endedAt: moment("lines.endedAt", line.endedAt),
        interrupted: line.interrupted,
        intended: optionalText("lines.intended", line.intended, MAX_LINE_CHARS),
      });
      next += 1;
    }
    return null;
  },
});

/** The whole of one call, newest line first, so that what is being said is on the first page. */
export const list = userQuery({
  args: { callId: v.id("calls"), paginationOpts: paginationOptsValidator },
  returns: paginationResultValidator(schema.doc("transcript")),
  handler: async (ctx, { callId, paginationOpts }) => {
    const call = await ownCall(ctx, ctx.user, callId);
    return ctx.db
      .query("transcript")
      .withIndex("by_call", (q) => q.eq("callId", call._id))
      .order("desc")
      .paginate(paginationOpts);
  },
});
