import { describe, expect, test } from "vitest";
import { duration, nextWithin, timeOfDay } from "../../convex/callHours";
import { Random } from "../embedded/random";

type Case = [what: string, timezone: string, hours: string, at: string, expected: string];

/** Moments with an offset, so that nothing is left to the code under test. */
const CASES: Case[] = [
  [
    "inside: at once",
    "Europe/Berlin",
    "09:00-18:00",
    "2026-06-10T12:34:56.789+02:00",
    "2026-06-10T12:34:56.789+02:00",
  ],
  [
    "at the beginning: at once",
    "Europe/Berlin",
    "09:00-18:00",
    "2026-06-10T09:00+02:00",
    "2026-06-10T09:00+02:00",
  ],
  ["just before", "Europe/Berlin", "09:00-18:00", "2026-06-10T08:59:59.999+02:00", "2026-06-10T09:00+02:00"],
  [
    "just inside the end",
    "Europe/Berlin",
    "09:00-18:00",
    "2026-06-10T17:59:59.999+02:00",
    "2026-06-10T17:59:59.999+02:00",
  ],
  [
    "at the end: the next day",
    "Europe/Berlin",
    "09:00-18:00",
    "2026-06-10T18:00+02:00",
    "2026-06-11T09:00+02:00",
  ],
  ["over the end of a year", "Asia/Tokyo", "09:00-18:00", "2026-12-31T23:00+09:00", "2027-01-01T09:00+09:00"],
  ["a leap day", "UTC", "09:00-18:00", "2028-02-28T20:00Z", "2028-02-29T09:00Z"],
  [
    "another day there than in UTC",
    "Pacific/Auckland",
    "09:00-18:00",
    "2026-06-10T20:00Z",
    "2026-06-10T21:00Z",
  ],
  ["an offset with minutes", "Asia/Kathmandu", "09:00-18:00", "2026-06-10T00:00Z", "2026-06-10T09:00+05:45"],
  [
    "overnight, in the evening",
    "Europe/Berlin",
    "22:00-06:00",
    "2026-06-10T23:00+02:00",
    "2026-06-10T23:00+02:00",
  ],
  [
    "overnight, in the morning",
    "Europe/Berlin",
    "22:00-06:00",
    "2026-06-10T05:59+02:00",
    "2026-06-10T05:59+02:00",
  ],
  ["overnight, by day", "Europe/Berlin", "22:00-06:00", "2026-06-10T06:00+02:00", "2026-06-10T22:00+02:00"],
  ["until midnight", "Europe/Berlin", "18:00-00:00", "2026-06-10T23:59+02:00", "2026-06-10T23:59+02:00"],
  ["from midnight", "Europe/Berlin", "00:00-06:00", "2026-06-10T20:00+02:00", "2026-06-11T00:00+02:00"],
  // Berlin, 29 March 2026: 02:00 becomes 03:00. 25 October: 03:00 becomes 02:00.
  [
    "over a change forward",
    "Europe/Berlin",
    "09:00-18:00",
    "2026-03-28T20:00+01:00",
    "2026-03-29T09:00+02:00",
  ],
  ["over a change back", "Europe/Berlin", "09:00-18:00", "2026-10-24T20:00+02:00", "2026-10-25T09:00+01:00"],
  [
    "the beginning is skipped",
    "Europe/Berlin",
    "02:30-04:00",
    "2026-03-29T00:00+01:00",
    "2026-03-29T03:00+02:00",
  ],
  [
    "all of it is skipped",
    "Europe/Berlin",
    "02:15-02:45",
    "2026-03-29T00:00+01:00",
    "2026-03-30T02:15+02:00",
  ],
  [
    "it comes twice: the first",
    "Europe/Berlin",
    "02:15-02:45",
    "2026-10-25T00:00+02:00",
    "2026-10-25T02:15+02:00",
  ],
  [
    "it comes twice: between",
    "Europe/Berlin",
    "02:15-02:45",
    "2026-10-25T02:50+02:00",
    "2026-10-25T02:15+01:00",
  ],
  [
    "it comes twice: the second",
    "Europe/Berlin",
    "02:15-02:45",
    "2026-10-25T02:30+01:00",
    "2026-10-25T02:30+01:00",
  ],
  [
    "the change itself opens it",
    "Europe/Berlin",
    "02:00-02:45",
    "2026-10-25T02:50+02:00",
    "2026-10-25T02:00+01:00",
  ],
  [
    "overnight over a change",
    "America/New_York",
    "22:00-04:00",
    "2026-03-08T03:30-04:00",
    "2026-03-08T03:30-04:00",
  ],
  [
    "a change of half an hour",
    "Australia/Lord_Howe",
    "09:00-18:00",
    "2026-04-04T20:00+11:00",
    "2026-04-05T09:00+10:30",
  ],
  [
    "a change at midnight",
    "America/Santiago",
    "00:00-01:30",
    "2026-09-05T12:00-04:00",
    "2026-09-06T01:00-03:00",
  ],
  ["a day that never was", "Pacific/Apia", "09:00-18:00", "2011-12-29T19:00-10:00", "2011-12-31T09:00+14:00"],
];

describe("the next moment within call hours", () => {
  test.each(CASES)("%s (%s, %s)", (_what, timezone, hours, at, expected) => {
    const [from = "", to = ""] = hours.split("-");
    const next = nextWithin(Date.parse(at), { from, to }, timezone);
    expect(new Date(next).toISOString()).toBe(new Date(expected).toISOString());
  });

  test("nothing begins in their last minute, when that is asked for", () => {
    const hours = { from: "09:00", to: "18:00" };
    const next = (at: string) => new Date(nextWithin(Date.parse(at), hours, "UTC", 60_000)).toISOString();
    expect(next("2026-06-10T17:58:59Z")).toBe("2026-06-10T17:58:59.000Z");
    expect(next("2026-06-10T17:59:00Z")).toBe("2026-06-11T09:00:00.000Z");
  });

  test("is the one that somebody with a clock would find, minute by minute", () => {
    const zones = (
      "UTC Europe/Berlin America/New_York America/St_Johns Australia/Lord_Howe Asia/Kathmandu " +
      "America/Santiago Pacific/Auckland Africa/Casablanca Pacific/Chatham"
    ).split(" ");
    const random = new Random(20260610);
    for (let round = 0; round < 250; round++) {
      const timezone = zones[round % zones.length] ?? "UTC";
      const hours = { from: clock(random.below(1440)), to: clock(random.below(1440)) };
      if (hours.from === hours.to) continue;
      // Every other round is near a change of the clock: late in March or October, or early in September.
      const near = [Date.UTC(2026, 2, 28), Date.UTC(2026, 9, 24), Date.UTC(2026, 8, 5), Date.UTC(2026, 3, 4)];
      const start = round % 2 === 0 ? Date.UTC(2024, 0, 1) : (near[(round >> 1) % near.length] ?? 0);
      const span = round % 2 === 0 ? 3 * 365 * 24 * 60 : 3 * 24 * 60;
      const at = start + random.below(span) * 60_000;
      const next = nextWithin(at, hours, timezone);
      const where = `${timezone} ${JSON.stringify(hours)} ${new Date(at).toISOString()}`;
      expect(next, where).toBe(byClock(at, hours, timezone));
    }
  });
});

describe("times of day", () => {
  test.each(["00:00", "09:05", "19:30", "23:59"])("%s is one", (text) => {
    expect(clock((timeOfDay(text) ?? -1) / 60_000)).toBe(text);
  });

  test.each(["", "9:00", "24:00", "09:60", "0900", " 09:00", "09:00 ", "09:00:00", "ab:cd", "-1:00"])(
    "%j is none",
    (text) => expect(timeOfDay(text)).toBeNull(),
  );

  test("may lie across midnight", () => {
    expect(duration(timeOfDay("22:00") ?? 0, timeOfDay("06:00") ?? 0)).toBe(8 * 3_600_000);
    expect(duration(timeOfDay("09:00") ?? 0, timeOfDay("09:00") ?? 0)).toBe(0);
  });
});

function clock(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** Somebody who looks at a clock each minute, and at nothing else. */
function byClock(at: number, { from, to }: { from: string; to: string }, timezone: string): number {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, timeStyle: "short" });
  for (let now = at; now < at + 4 * 24 * 3_600_000; now += 60_000) {
    const time = format.format(now);
    if (from < to ? from <= time && time < to : from <= time || time < to) return now;
  }
  throw new Error("the hours never came");
}
