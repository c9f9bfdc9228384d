/** Clocks that run and moments that are chosen. All in epoch milliseconds or milliseconds; nothing reads a clock. */
import { dateAndTime } from "../ui/moments";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** `0:07`, `12:03`, `1:02:03`. Never negative: another machine's clock may be a little ahead. */
export function runningClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const tail = String(seconds % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

export type Countdown = { text: string; urgency: "calm" | "soon" | "over" };

/** From here on somebody should hurry: about what it takes to read a question and type a short answer. */
const SOON_MS = 20 * SECOND;

/** `1:05 left` within the last hour; before that, until when. */
export function countdown(deadline: number, now: number): Countdown {
  const left = deadline - now;
  if (left <= 0) return { text: "Time is up", urgency: "over" };
  if (left >= HOUR) return { text: `until ${dateAndTime(deadline)}`, urgency: "calm" };
  // Rounded up: it says 0:00 only when the time is over.
  const clock = runningClock(Math.ceil(left / SECOND) * SECOND);
  return { text: `${clock} left`, urgency: left <= SOON_MS ? "soon" : "calm" };
}

export type Choice = { label: string; at: number };

/** By then most offices answer their phone. */
const MORNING_HOUR = 9;

/** Moments that a person may well mean by "later", in the order they come. */
export function laterChoices(now: number): Choice[] {
  const tomorrow = new Date(now);
  tomorrow.setDate(tomorrow.getDate() + 1);
  tomorrow.setHours(MORNING_HOUR, 0, 0, 0);
  return [
    { label: "In 15 minutes", at: now + 15 * MINUTE },
    { label: "In an hour", at: now + HOUR },
    { label: "Tomorrow at 9", at: tomorrow.getTime() },
  ].sort((a, b) => a.at - b.at);
}

/** `2026-11-21T14:30`, the form that `<input type="datetime-local">` takes, in the reader's own time zone. */
export function asLocalInput(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The moment that such an input holds; null while it is incomplete. */
export function fromLocalInput(value: string): number | null {
  // A date alone would be taken as midnight in Greenwich.
  if (!value.includes("T")) return null;
  const at = new Date(value).getTime();
  return Number.isNaN(at) ? null : at;
}
