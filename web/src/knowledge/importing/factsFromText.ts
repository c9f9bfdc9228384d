/** Facts from lines of text, pasted or from a file: one a line. */
import { lines as cleaned } from "./found";

/** The sizes that `convex/input.ts` allows; a test holds them equal. */
export const MAX_FACT_CHARS = 1_000;
export const MAX_FACTS = 500;
export const MAX_FACTS_AT_ONCE = 200;
/** Of a file; the facts that Floyd keeps for a person fit ten times over. */
export const MAX_FACTS_BYTES = 2 * 1024 * 1024;
/** Lines that are looked at. */
const MAX_LINES = 5_000;
/** What is shown of a line that is skipped. */
const SHOWN = 80;

export type FoundFacts = {
  facts: { row: number; text: string }[];
  skipped: { row: number; who: string; reason: string }[];
};

/** The mark that begins an item of a list: "- ", "* ", "• ", "3. ", "3) ", "[ ] ". */
const ITEM = /^(?:[-*•–]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?/;

/** `known`: what Floyd knows word for word already. Empty lines and those beginning with # say nothing. */
export function factsFromText(text: string, known: ReadonlySet<string>, room: number): FoundFacts {
  const found: FoundFacts = { facts: [], skipped: [] };
  const said = new Set<string>();
  for (const [at, line] of text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    const row = at + 1;
    if (row > MAX_LINES) {
      const reason = `not read: at most ${MAX_LINES.toLocaleString("en")} lines at once`;
      found.skipped.push({ row, who: `Line ${row.toLocaleString("en")} and what follows`, reason });
      break;
    }
    const fact = cleaned(line, MAX_FACT_CHARS + 1)
      .replace(ITEM, "")
      .trim();
    if (fact === "" || fact.startsWith("#")) continue;
    const skip = (reason: string) => found.skipped.push({ row, who: fact.slice(0, SHOWN), reason });
    if (fact.length > MAX_FACT_CHARS)
      skip(`is longer than ${MAX_FACT_CHARS} characters: split it into sentences`);
    else if (said.has(fact)) skip("is there twice");
    else if (known.has(fact)) skip("Floyd knows this already");
    else if (found.facts.length >= room)
      skip("there is no room for it: remove facts that are no longer of use");
    else found.facts.push({ row, text: fact });
    said.add(fact);
  }
  return found;
}
