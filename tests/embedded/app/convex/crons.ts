import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();

crons.interval("every hour", { hours: 1 }, internal.jobs.note, { name: "cron" });
crons.daily("nightly", { hourUTC: 3, minuteUTC: 30 }, internal.jobs.note, { name: "nightly" });

export default crons;
