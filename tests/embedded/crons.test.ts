/** When cron jobs run next, in UTC. */
import { expect, it } from "vitest";
import { nextRunMs } from "../../embedded/crons.ts";
import type { CronSchedule } from "../../embedded/runtime/messages.ts";

const at = (text: string) => Date.parse(text);
const next = (schedule: CronSchedule, now: string, due: string | null = null) =>
  new Date(nextRunMs(schedule, at(now), due === null ? null : at(due))).toISOString();

it("calendar schedules", () => {
  const now = "2026-02-27T10:20:30Z"; // a Friday
  expect(next({ type: "hourly", minuteUTC: 5 }, now)).toBe("2026-02-27T11:05:00.000Z");
  expect(next({ type: "hourly" }, now)).toBe("2026-02-27T11:00:00.000Z");
  expect(next({ type: "daily", hourUTC: 10, minuteUTC: 21 }, now)).toBe("2026-02-27T10:21:00.000Z");
  expect(next({ type: "daily", hourUTC: 10, minuteUTC: 20 }, now)).toBe("2026-02-28T10:20:00.000Z");
  const weekly = { type: "weekly", dayOfWeek: "Monday", hourUTC: 9, minuteUTC: 0 } as const;
  expect(next(weekly, now)).toBe("2026-03-02T09:00:00.000Z");
  expect(next({ type: "monthly", day: 30, hourUTC: 0 }, now)).toBe("2026-03-30T00:00:00.000Z");
  expect(next({ type: "cron", cron: "15 7 * * 0" }, now)).toBe("2026-03-01T07:15:00.000Z");
});

it("intervals start at once, don't drift, and don't make up for missed runs", () => {
  const every: CronSchedule = { type: "interval", minutes: 10 };
  expect(next(every, "2026-01-01T00:00:00Z")).toBe("2026-01-01T00:00:00.000Z");
  expect(next(every, "2026-01-01T00:00:02Z", "2026-01-01T00:00:00Z")).toBe("2026-01-01T00:10:00.000Z");
  expect(next(every, "2026-01-01T03:01:00Z", "2026-01-01T00:00:00Z")).toBe("2026-01-01T03:10:00.000Z");
});

it("refuses a day that doesn't exist and an expression that can't be read", () => {
  const friyay = { type: "weekly", dayOfWeek: "friyay", hourUTC: 1, minuteUTC: 0 } as const;
  expect(() => next(friyay, "2026-01-01T00:00:00Z")).toThrow('"friyay" is no day of the week');
  expect(() => next({ type: "cron", cron: "every day" }, "2026-01-01T00:00:00Z")).toThrow();
});
