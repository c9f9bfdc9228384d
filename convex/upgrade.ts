/** What rows of earlier versions lack. Run by `crons.ts`: once there are none any more, it reads one index entry. */
import { v } from "convex/values";
import { internalMutation } from "./_generated/server";
import { STANDING } from "./lifecycle";

/** One transaction's worth; what is left goes next time. */
const MAX_AT_ONCE = 500;

export const standings = internalMutation({
  args: {},
  returns: v.null(),
  handler: async (ctx) => {
    const old = await ctx.db
      .query("requests")
      .withIndex("by_standing", (q) => q.eq("standing", undefined))
      .take(MAX_AT_ONCE);
    for (const request of old) {
      const standing = STANDING[request.status];
      await ctx.db.patch("requests", request._id, { standing });
    }
    return null;
  },
});
