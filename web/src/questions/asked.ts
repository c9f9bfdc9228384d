/** What is open, in the order in which it should be answered, and what was open while somebody was typing. */
import type { Doc } from "../api";

export type Question = Doc<"questions"> & { requestText: string };

/** First those for which somebody holds the line, then by deadline. */
export function inOrder(questions: readonly Question[]): Question[] {
  const rank = ({ callId }: Question) => (callId === undefined ? 1 : 0);
  return questions.toSorted((a, b) => rank(a) - rank(b) || a.deadline - b.deadline);
}

const BEGINS_WITH_A_VERB =
  /^(may|can|could|shall|should|is|are|was|were|do|does|did|would|will|has|have|am)\b/i;

/**
 * Whether "yes" or "no" may be the whole answer: the last sentence is a question, begins with a verb and leaves no
 * choice. A wrong guess offers two buttons too many or too few, and a field to type in all the same.
 */
export function isYesOrNo(question: string): boolean {
  const unquoted = question.trim().replace(/"[^"]*"|“[^”]*”/g, "…");
  const last = unquoted.split(/[.!?]\s+/).at(-1) ?? "";
  return last.endsWith("?") && BEGINS_WITH_A_VERB.test(last) && !/\bor\b/i.test(last);
}

/** Those that were open before and are not any more, to which something was typed but not sent. */
export function closedUnsent(
  before: readonly Question[],
  open: readonly Question[],
  drafts: ReadonlyMap<string, string>,
  sent: ReadonlySet<string>,
): Question[] {
  return before.filter(
    ({ _id }) =>
      !open.some((one) => one._id === _id) && !sent.has(_id) && (drafts.get(_id) ?? "").trim() !== "",
  );
}
