/**
 * Call hours: times of day between which Floyd may dial, in a person's time zone. Pure: a moment in, a moment out.
 *
 * Time zones come from the IANA database by way of `Intl`, so a day may have 23 or 25 hours: an hour that is
 * skipped opens nothing, an hour that comes twice is open twice.
 */

export type CallHours = { from: string; to: string };

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Openings that a change of the clock may skip in a row. One is known; the bound keeps a defect from looping. */
const MAX_STEPS = 10;

/** Milliseconds after midnight for "HH:MM", from 00:00 to 23:59; null for anything else. */
export function timeOfDay(text: string): number | null {
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  return match === null ? null : (Number(match[1]) * 60 + Number(match[2])) * MINUTE;
}

/** How long the hours last, in ms: from 22:00 to 06:00 is eight hours, and from 09:00 to 09:00 is none. */
export function duration(from: number, to: number): number {
  return (to - from + DAY) % DAY;
}

/**
 * The first moment from `at` on that lies within the hours: `at` itself, or their next beginning. Times are epoch
 * milliseconds; `timezone` is an IANA name. `closesEarlyMs`: nothing begins in the last so many ms of the hours.
 */
export function nextWithin(at: number, hours: CallHours, timezone: string, closesEarlyMs = 0): number {
  const from = timeOfDay(hours.from) ?? 0;
  const length = duration(from, timeOfDay(hours.to) ?? 0) - closesEarlyMs;
  const offset = offsetIn(timezone);
  let now = at;
  for (let step = 0; step < MAX_STEPS; step++) {
    const sinceMidnight = (((now + offset(now)) % DAY) + DAY) % DAY;
    if (duration(from, sinceMidnight) < length) return now;
    const opening = now + duration(sinceMidnight, from);
    // The clock may be changed before then: look again from there, with the time that it shows then.
    now = offset(opening) === offset(now) ? opening : change(now, opening, offset);
  }
  return now;
}

/** What a zone's clocks are ahead of UTC at a moment, in ms. */
function offsetIn(timezone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (at) => {
    const second = Math.floor(at / 1000) * 1000;
    const shown = Object.fromEntries(
      format.formatToParts(second).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: s = 0 } = shown;
    return Date.UTC(year, month - 1, day, hour, minute, s) - second;
  };
}

/** The first moment of (`before`, `after`] at which the offset is not that of `before` any more. */
function change(before: number, after: number, offset: (at: number) => number): number {
  const old = offset(before);
  let [low, high] = [before, after];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offset(middle) === old) low = middle;
    else high = middle;
  }
  return high;
}
