/** Which fact about a person was told to whom. */
import { v } from "convex/values";
import { callUnder } from "./callRows";
import { fail } from "./errors";
import { workerMutation } from "./functions";
import { list, MAX_FACT_CHARS, MAX_LINES_AT_ONCE, text, whole } from "./input";

/** Disclosures at one line; a line is a few sentences. */
const MAX_PER_LINE = 50;

/** Write down what was told at line `seq`. The same fact (or text) at the same line is written once. */
export const record = workerMutation({
  args: {
    callId: v.id("calls"),
    token: v.string(),
    items: v.array(v.object({ factId: v.optional(v.id("facts")), text: v.string(), seq: v.number() })),
  },
  returns: v.null(),
  handler: async (ctx, args) => {
    const { _id: callId, requestId, userId, to } = await callUnder(ctx, args.callId, args.token);
    for (const item of list("items", args.items, MAX_LINES_AT_ONCE)) {
      const seq = whole("items.seq", item.seq);
      const told = text("items.text", item.text, MAX_FACT_CHARS);
      const fact = item.factId === undefined ? null : await ctx.db.get("facts", item.factId);
      // A fact that its owner has removed meanwhile was told all the same; only another person's is refused.
      if (fact !== null && fact.userId !== userId) {
        fail("NOT_FOUND", "The fact is not one of this person's", "items.factId");
      }
      const known = await ctx.db
        .query("disclosures")
        .withIndex("by_call", (q) => q.eq("callId", callId).eq("seq", seq))
        .take(MAX_PER_LINE);
      if (known.some((row) => row.factId === item.factId && row.text === told)) continue;
      if (known.length === MAX_PER_LINE) {
        fail("BAD_INPUT", `At most ${MAX_PER_LINE} disclosures are kept for one line`, "items");
      }
      await ctx.db.insert("disclosures", {
        callId,
        requestId,
        userId,
        factId: item.factId,
        text: told,
        to,
        seq,
      });
    }
    return null;
  },
});
