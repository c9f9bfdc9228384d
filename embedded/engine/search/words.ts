/** Search words, as the full text tables split them: runs of letters and digits, in lower case. */
import { createHash } from "node:crypto";
import type { Json } from "../../values/json.ts";
import { encodeValue } from "../../values/keys.ts";

/** Of docs.convex.dev, "Text Search": more terms are cut off. */
const MAX_TERMS = 16;

export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}\p{Co}]+/gu) ?? [];
}

/** One word that stands for "filter field `position` has this value". */
export function filterToken(position: number, value: Json | undefined): string {
  return `f${position}x${createHash("sha256").update(encodeValue(value), "latin1").digest("hex").slice(0, 24)}`;
}

/**
 * The FTS5 expression for a search: any of the words, the last one also as the beginning of a word, and all filters.
 * Null when there is no word to look for.
 */
export function matchExpression(text: string, filters: string[]): string | null {
  const words = wordsOf(text).slice(0, MAX_TERMS);
  if (words.length === 0) return null;
  const quoted = words.map((word, i) => (i === words.length - 1 ? `"${word}" *` : `"${word}"`));
  const terms = `words : (${quoted.join(" OR ")})`;
  return [...filters.map((token) => `filters : "${token}"`), terms].map((part) => `(${part})`).join(" AND ");
}
