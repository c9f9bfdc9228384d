/** Moments and lengths of time as people write them, in the browser's language and time zone. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const both = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const seconds = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

export const dateAndTime = (at: number): string => both.format(at);
export const clock = (at: number): string => seconds.format(at);

/** "now", "3 min ago", "in 2 hr"; a date when it is more than a week away. */
export function relative(at: number, now: number): string {
  const away = at - now;
  const size = Math.abs(away);
  if (size < MINUTE) return "now";
  if (size < HOUR) return ago.format(Math.trunc(away / MINUTE), "minute");
  if (size < DAY) return ago.format(Math.trunc(away / HOUR), "hour");
  if (size < 7 * DAY) return ago.format(Math.trunc(away / DAY), "day");
  return day.format(at);
}

/** 320 ms, 7 s, 2:07, 1:02:07. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const whole = Math.floor(ms / 1_000);
  if (whole < 60) return `${whole} s`;
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
