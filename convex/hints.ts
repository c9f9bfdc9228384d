/** Hints that a person whispered (`calls:hint`), from the worker's side. */
import { v } from "convex/values";
import { callUnder } from "./callRows";
import { fail } from "./errors";
import { workerMutation } from "./functions";
import { list, MAX_HINTS_PER_CALL } from "./input";

/** These hints have reached the model. One that was taken before is taken still. */
export const taken = workerMutation({
  args: { callId: v.id("calls"), token: v.string(), hintIds: v.array(v.id("hints")) },
  returns: v.null(),
  handler: async (ctx, args) => {
    const call = await callUnder(ctx, args.callId, args.token);
    for (const hintId of list("hintIds", args.hintIds, MAX_HINTS_PER_CALL)) {
      const hint = await ctx.db.get("hints", hintId);
      if (hint?.callId !== call._id) fail("NOT_FOUND", "This call has no such hint", "hintIds");
      if (hint.takenAt === undefined) await ctx.db.patch("hints", hintId, { takenAt: Date.now() });
    }
    return null;
  },
});
