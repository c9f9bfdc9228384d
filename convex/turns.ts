/** How long Floyd took to answer, turn by turn. */
import { v } from "convex/values";
import { callUnder } from "./callRows";
import { workerMutation } from "./functions";
import { list, MAX_LINES_AT_ONCE, moment, whole } from "./input";
import { turnTimings } from "./schema";

/** Write the timings of turns; a turn that is known is written anew, as when its last moments come in later. */
export const record = workerMutation({
  args: { callId: v.id("calls"), token: v.string(), turns: v.array(v.object(turnTimings)) },
  returns: v.null(),
  handler: async (ctx, args) => {
    const { _id: callId, requestId, userId } = await callUnder(ctx, args.callId, args.token);
    for (const timings of list("turns", args.turns, MAX_LINES_AT_ONCE)) {
      whole("turns.turn", timings.turn);
      moment("turns.speechEndedAt", timings.speechEndedAt);
      const known = await ctx.db
        .query("turns")
        .withIndex("by_call", (q) => q.eq("callId", callId).eq("turn", timings.turn))
        .unique();
      const row = { callId, requestId, userId, ...timings };
      if (known === null) await ctx.db.insert("turns", row);
      else await ctx.db.replace("turns", known._id, row);
    }
    return null;
  },
});
