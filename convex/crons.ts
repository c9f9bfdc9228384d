/** Housekeeping. No deadline depends on it: those are jobs of their own, in `expiry.ts`. */
import { cronJobs } from "convex/server";
import { internal } from "./_generated/api";

const crons = cronJobs();

crons.interval("mark silent workers as stopped", { minutes: 1 }, internal.workers.sweep);
crons.interval("forget leases that ended long ago", { hours: 6 }, internal.expiry.forgetLeases);
crons.interval("complete what earlier versions wrote", { minutes: 10 }, internal.upgrade.standings);
crons.interval("forget links and sessions that are over", { hours: 6 }, internal.signIn.sweep);

export default crons;
