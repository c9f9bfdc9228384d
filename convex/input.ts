/** Sizes of what comes from outside, and the checks of text. Whoever breaks one is told the field and the limit. */
import { fail } from "./errors";

/** A request is an errand, not an essay; this is about two pages. */
export const MAX_REQUEST_CHARS = 4_000;
/** What somebody types into a search box; a search index takes 16 words anyway. */
export const MAX_SEARCH_CHARS = 200;
/** A fact is a sentence. All of a person's facts go into one prompt. */
export const MAX_FACT_CHARS = 1_000;
/** All accepted facts are read, and sent to the worker, at once. */
export const MAX_FACTS = 500;
/** One import; each fact is a write, and a person waits for it. */
export const MAX_FACTS_AT_ONCE = 200;
/** Read, and sent to the worker, at once. */
export const MAX_CONTACTS = 500;
export const MAX_NAME_CHARS = 200;
export const MAX_NOTES_CHARS = 1_000;
export const MAX_ALIASES = 20;
/** An answer is spoken to somebody who waits on the line. */
export const MAX_ANSWER_CHARS = 2_000;
export const MAX_QUESTION_CHARS = 1_000;
/** A hint is read by the model between two turns: a sentence or two. */
export const MAX_HINT_CHARS = 500;
/** A worker takes them every few seconds. More is a key that is stuck. */
export const MAX_HINTS_WAITING = 20;
/** All that a person can whisper in two hours, and see listed. */
export const MAX_HINTS_PER_CALL = 200;
/** An address book, imported at once; the person waits for it. */
export const MAX_CONTACTS_AT_ONCE = 500;
/** A voice's name at its provider, and a worker's address. */
export const MAX_VOICE_CHARS = 100;
export const MAX_ADDRESS_CHARS = 200;
/** An errand for later than this is not an errand. */
export const MAX_AHEAD_MS = 366 * 24 * 60 * 60 * 1000;
/** Any UUID, hash or header that a client may use as a key. */
export const MAX_KEY_CHARS = 200;
/** Worker ids, incarnations, fencing tokens, hashes and carrier sids. */
export const MAX_ID_CHARS = 200;
/** A plan is a page or two. The whole text is rewritten as it grows, so it must stay small. */
export const MAX_PLAN_CHARS = 16_000;
export const MAX_SUMMARY_CHARS = 4_000;
export const MAX_REPORTED = 50;
/** Transcript lines that support one fact. */
export const MAX_EVIDENCE_LINES = 100;
/** A reason is a word or a short phrase. */
export const MAX_REASON_CHARS = 200;
/** A quarter of an hour of speech without a pause: only a defect makes a longer utterance. */
export const MAX_LINE_CHARS = 16_000;
/** What a worker may have buffered through a database outage, sent in pieces of this size. */
export const MAX_LINES_AT_ONCE = 200;
/** Three hours of brisk talk: a call that has more is not a conversation. */
export const MAX_LINES_PER_CALL = 5_000;
/** The carrier's limit for one message. */
export const MAX_SMS_CHARS = 1_600;
/** A limit that a person sets for themselves may not exceed this. */
export const MAX_CALL_MINUTES = 120;
/** Calls for one request. More is harassment of whoever picks up, whatever the request says. */
export const MAX_ATTEMPTS = 10;

/**
 * Text as it may be stored: control characters (all but tab and newline) become spaces, ends are trimmed.
 * Empty or longer than `max` characters: BAD_INPUT for `field`.
 */
export function text(field: string, value: string, max: number): string {
  const cleaned = printable(value);
  if (cleaned === "") fail("BAD_INPUT", `\`${field}\` is empty: say something`, field);
  return notLonger(field, cleaned, max);
}

/** As `text`, but an empty value is none. */
export function optionalText(field: string, value: string | undefined, max: number): string | undefined {
  if (value === undefined) return undefined;
  return notLonger(field, printable(value), max) || undefined;
}

/** A machine-made name. Printable ASCII without spaces, so that it can stand in a log line or an index. */
export function identifier(field: string, value: string): string {
  if (!/^[\x21-\x7e]+$/.test(value)) {
    fail("BAD_INPUT", `\`${field}\` must be printable ASCII without spaces, and not empty`, field);
  }
  return notLonger(field, value, MAX_ID_CHARS);
}

export function list<T>(field: string, value: T[], max: number): T[] {
  if (value.length > max) {
    fail("BAD_INPUT", `\`${field}\` has ${value.length} items; at most ${max} are taken at once`, field);
  }
  return value;
}

/** A point in time, in epoch milliseconds. */
export function moment(field: string, value: number): number {
  // The year 2001 in ms, and the year 5138: what lies outside is in seconds or in microseconds.
  if (Number.isFinite(value) && value >= 1e12 && value < 1e14) return value;
  fail("BAD_INPUT", `\`${field}\` must be a time in epoch milliseconds`, field);
}

/** As `moment`, but no later than a year ahead. */
export function momentAhead(field: string, value: number): number {
  if (moment(field, value) <= Date.now() + MAX_AHEAD_MS) return value;
  fail("BAD_INPUT", `\`${field}\` is more than a year away: choose an earlier time`, field);
}

/** A quantity: a finite number from 0. */
export function amount(field: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  fail("BAD_INPUT", `\`${field}\` must be a number from 0`, field);
}

/** A count or a sequence number: a whole number from 0. */
export function whole(field: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  fail("BAD_INPUT", `\`${field}\` must be a whole number from 0`, field);
}

function printable(value: string): string {
  const lines = value.replace(/\r\n?/g, "\n");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return lines.replace(/[\u0000-\u0008\u000b-\u001f\u007f\u2028\u2029]+/g, " ").trim();
}

function notLonger(field: string, value: string, max: number): string {
  if (value.length <= max) return value;
  fail("BAD_INPUT", `\`${field}\` has ${value.length} characters; the limit is ${max}: shorten it`, field);
}
