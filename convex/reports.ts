/** What Floyd says it was told, held against what was said: evidence that does not exist is none. */
import type { Infer } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { QueryCtx } from "./_generated/server";
import { callsOf } from "./callRows";
import { fail } from "./errors";
import {
  list,
  MAX_EVIDENCE_LINES,
  MAX_FACT_CHARS,
  MAX_LINES_PER_CALL,
  MAX_REPORTED,
  MAX_SUMMARY_CHARS,
  text,
} from "./input";
import type { outcome } from "./schema";

type Outcome = Infer<typeof outcome>;

/** The outcome with its evidence checked: `confirmed` is true exactly if a transcript line supports the fact. */
export async function checkedReport(
  ctx: QueryCtx,
  request: Doc<"requests">,
  given: Outcome,
): Promise<Outcome> {
  const evidence = await evidenceOf(ctx, request);
  const reported = [];
  for (const fact of list("outcome.reported", given.reported, MAX_REPORTED)) {
    const { callId, lines } = await evidence.supported(fact.callId, fact.lines);
    reported.push({
      text: text("outcome.reported.text", fact.text, MAX_FACT_CHARS),
      callId,
      lines,
      confirmed: lines.length > 0,
    });
  }
  return { kind: given.kind, summary: text("outcome.summary", given.summary, MAX_SUMMARY_CHARS), reported };
}

type Evidence = {
  /** Those of `lines` that are in the transcript of the call; without `callId`, of the last call. */
  supported(
    callId: Id<"calls"> | undefined,
    lines: number[],
  ): Promise<{ callId: Id<"calls"> | undefined; lines: number[] }>;
};

export async function evidenceOf(ctx: QueryCtx, request: Doc<"requests">): Promise<Evidence> {
  const calls = await callsOf(ctx, request._id);
  const known = new Map<Id<"calls">, Set<number>>();
  return {
    async supported(callId, lines) {
      list("lines", lines, MAX_EVIDENCE_LINES);
      if (callId !== undefined && !calls.some((call) => call._id === callId)) {
        fail("BAD_INPUT", "The call is not one of this request's", "callId");
      }
      const about = callId ?? calls.at(-1)?._id;
      if (about === undefined || lines.length === 0) return { callId, lines: [] };
      const said = known.get(about) ?? (await seqsOf(ctx, about));
      known.set(about, said);
      return { callId: about, lines: [...new Set(lines)].filter((line) => said.has(line)) };
    },
  };
}

async function seqsOf(ctx: QueryCtx, callId: Id<"calls">): Promise<Set<number>> {
  const lines = await ctx.db
    .query("transcript")
    .withIndex("by_call", (q) => q.eq("callId", callId))
    .take(MAX_LINES_PER_CALL);
  return new Set(lines.map((line) => line.seq));
}
