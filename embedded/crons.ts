/** When a cron job runs next. All times are UTC. */
import { Cron } from "croner";
import type { CronSchedule } from "./runtime/messages.ts";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** The five fields of cron for a calendar schedule; null for an interval. Without a minute, on the hour. */
export function cronExpression(schedule: CronSchedule): string | null {
  switch (schedule.type) {
    case "interval":
      return null;
    case "hourly":
      return `${schedule.minuteUTC ?? 0} * * * *`;
    case "daily":
      return `${schedule.minuteUTC ?? 0} ${schedule.hourUTC} * * *`;
    case "weekly":
      return `${schedule.minuteUTC ?? 0} ${schedule.hourUTC} * * ${dayNumber(schedule.dayOfWeek)}`;
    case "monthly":
      return `${schedule.minuteUTC ?? 0} ${schedule.hourUTC} ${schedule.day} * *`;
    case "cron":
      return schedule.cron;
  }
}

function dayNumber(name: string): number {
  const number = DAYS.findIndex((day) => day.toLowerCase() === name.toLowerCase());
  if (number < 0) throw new Error(`"${name}" is no day of the week; use one of ${DAYS.join(", ")}`);
  return number;
}

/**
 * The next time after `nowMs` (ms since the epoch). An interval counts from the time that was due before, so that it
 * doesn't drift; runs that were missed are not made up for. With no earlier time, an interval runs at once.
 */
export function nextRunMs(schedule: CronSchedule, nowMs: number, dueMs: number | null): number {
  const expression = cronExpression(schedule);
  if (expression !== null) {
    const next = new Cron(expression, { timezone: "UTC", paused: true }).nextRun(new Date(nowMs));
    if (!next) throw new Error(`cron expression "${expression}" never comes due`);
    return next.getTime();
  }
  if (dueMs === null) return nowMs;
  const { seconds = 0, minutes = 0, hours = 0 } = schedule as Extract<CronSchedule, { type: "interval" }>;
  const step = ((hours * 60 + minutes) * 60 + seconds) * 1000;
  return dueMs + step * Math.max(1, Math.ceil((nowMs - dueMs + 1) / step));
}
