/**
 * The transcript as a list of rows: for each call its heading, its lines in the order spoken, the words being
 * spoken now, and how it ended.
 */
import type { Id } from "../api";
import type { Call, Line, Live } from "./show";

/** By call, in the order spoken. */
export type Lines = Map<Id<"calls">, Line[]>;

export type Row =
  | { kind: "call"; key: string; call: Call }
  | { kind: "line"; key: string; line: Line; since: number | undefined }
  | { kind: "live"; key: string; live: Live; since: number | undefined }
  | { kind: "ended"; key: string; call: Call };

export function lineKey(callId: string, seq: number): string {
  return `${callId}:${seq}`;
}

/** Lines from several sources (what is live, and earlier pages), each once, in the order spoken within a call. */
export function mergeLines(...sources: Line[][]): Lines {
  const byCall = new Map<Id<"calls">, Map<number, Line>>();
  for (const line of sources.flat()) {
    const lines = byCall.get(line.callId) ?? new Map<number, Line>();
    byCall.set(line.callId, lines.set(line.seq, line));
  }
  const inOrder: Lines = new Map();
  for (const [callId, lines] of byCall) {
    inOrder.set(
      callId,
      [...lines.values()].sort((a, b) => a.seq - b.seq),
    );
  }
  return inOrder;
}

/**
 * What was seen so far and what has come now. A page that was away for long misses lines in between: what lies
 * before such a gap is let go, so that what is shown is all there is.
 */
export function withNewest(seen: Lines, now: Line[]): Lines {
  const merged = mergeLines([...seen.values()].flat(), now);
  for (const [callId, lines] of merged) {
    const gap = lines.findLastIndex((line, at) => at > 0 && line.seq !== (lines[at - 1]?.seq ?? 0) + 1);
    if (gap > 0) merged.set(callId, lines.slice(gap));
  }
  return merged;
}

/**
 * The words being spoken have the key that their line will have: the grey row becomes the line where it stands,
 * instead of vanishing while another appears.
 */
export function rowsOf(calls: Call[], lines: Lines, live: Live[]): Row[] {
  const rows: Row[] = [];
  for (const call of [...calls].sort((a, b) => a.attempt - b.attempt)) {
    const said = lines.get(call._id) ?? [];
    const since = call.answeredAt;
    rows.push({ kind: "call", key: `call:${call._id}`, call });
    for (const line of said) rows.push({ kind: "line", key: lineKey(call._id, line.seq), line, since });
    const words = live.find((row) => row.callId === call._id);
    if (words !== undefined && call.status !== "ended" && !isWritten(words, said)) {
      const next = (said.at(-1)?.seq ?? -1) + 1;
      rows.push({ kind: "live", key: lineKey(call._id, next), live: words, since });
    }
    if (call.status === "ended") rows.push({ kind: "ended", key: `ended:${call._id}`, call });
  }
  return rows;
}

/** Two people may have spoken since the words were last heard of. */
const LINES_LOOKED_AT = 3;

/** A line is written just before its live words are wiped: in between they are the same words twice. */
function isWritten(live: Live, lines: Line[]): boolean {
  const words = letters(live.text);
  return lines
    .slice(-LINES_LOOKED_AT)
    .some(
      (line) =>
        line.speaker === live.speaker &&
        line._creationTime >= live.updatedAt &&
        [line.text, line.intended ?? ""].some((text) => alike(letters(text), words)),
    );
}

/** Whether one begins as the other: a recogniser's last interim words are a beginning of the line, more or less. */
function alike(line: string, words: string): boolean {
  const length = Math.min(line.length, words.length);
  if (length === 0) return line.length === words.length;
  let common = 0;
  while (common < length && line[common] === words[common]) common += 1;
  return common * 2 >= length;
}

function letters(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
}

/** What of a line was heard, and what was not because somebody spoke over it. */
export function heardAndCut(line: Pick<Line, "text" | "interrupted" | "intended">): {
  heard: string;
  cut: string;
} {
  const heard = line.text.trim();
  const intended = line.intended?.trim() ?? "";
  if (!line.interrupted || intended === "") return { heard, cut: "" };
  // What was heard may begin with a word or two said before ("Let me see."), which the intended line has not.
  for (const start of wordStarts(heard)) {
    const known = heard.slice(start);
    if (intended.startsWith(known)) return { heard, cut: intended.slice(known.length).trim() };
  }
  return { heard, cut: heard === "" ? intended : "" };
}

function wordStarts(text: string): number[] {
  return [...text.matchAll(/\S+/g)].map((word) => word.index);
}

/** The page is live about the newest so many lines: some twenty minutes of talk. Each new one brings them again. */
export const LINES_SHOWN = 300;

/**
 * The call whose earlier lines are missing, the latest one first; null when nothing is. Lines are numbered from 0
 * in each call. `whole`: calls that have been fetched to their first line, if they have any.
 */
export function withEarlierLines(calls: Call[], lines: Lines, whole: ReadonlySet<string>): Call | null {
  const loaded = [...lines.values()].reduce((sum, said) => sum + said.length, 0);
  if (loaded < LINES_SHOWN) return null;
  const missing = ({ _id }: Call) => {
    const first = lines.get(_id)?.[0]?.seq;
    return first === undefined ? !whole.has(_id) : first !== 0;
  };
  return [...calls].sort((a, b) => b.attempt - a.attempt).find(missing) ?? null;
}
