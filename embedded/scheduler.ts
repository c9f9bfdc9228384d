/**
 * Runs scheduled functions when they are due, and cron jobs.
 *
 * Mutations run exactly once: the function and the note that it ran are one transaction. Actions run at most once:
 * they are marked as in progress before they begin, and what was in progress when the deployment stopped has failed.
 * On a full disk everything stays pending, and is tried again until it can be written.
 */
import { setTimeout as pause } from "node:timers/promises";
import { nextRunMs } from "./crons.ts";
import { StorageError } from "./engine/errors.ts";
import type { DatabaseHost } from "./host/database.ts";
import { type Address, requestId } from "./names.ts";
import type { Commit, CronSpec, Job, JobRun, Outcome, StoredCron } from "./runtime/messages.ts";
import type { JsonObject } from "./values/json.ts";

/** Timers count in 32 bits; what is due later is looked at again by then. */
const LONGEST_WAIT_MS = 24 * 3600 * 1000;
/** After an error of the database thread. */
const RETRY_MS = 1_000;

export type SchedulerServices = {
  committed(commit: Commit): void;
  runAction(address: Address, args: JsonObject, jobId: string): Promise<{ outcome: Outcome }>;
  ran(run: JobRun, requestId: string): void;
  /** The database couldn't do its part; what was due is tried again. */
  troubled(error: Error): void;
};

export class Scheduler {
  private timer: NodeJS.Timeout | null = null;
  private working = false;
  private again = false;
  private stopped = false;
  private crons: (CronSpec & { nextMs: number })[] = [];
  private readonly database: DatabaseHost;
  private readonly services: SchedulerServices;

  constructor(database: DatabaseHost, services: SchedulerServices) {
    this.database = database;
    this.services = services;
  }

  /** Takes up what an earlier process left, and the cron jobs of the app; unchanged ones keep their next time. */
  async start(specs: CronSpec[], stored: StoredCron[]): Promise<void> {
    const { commit } = await this.database.call("abandonActions", {});
    if (commit) this.services.committed(commit);
    await this.setCrons(specs, stored);
    this.wake();
  }

  async setCrons(specs: CronSpec[], stored: StoredCron[]): Promise<void> {
    const now = Date.now();
    const kept = new Map(stored.map((cron) => [cron.name, cron]));
    const crons = specs.map((spec) => {
      const old = kept.get(spec.name);
      const text = JSON.stringify(spec);
      const nextMs = old?.spec === text ? old.nextMs : nextRunMs(spec.schedule, now, null);
      return { spec, stored: { name: spec.name, spec: text, nextMs, job: old?.job ?? null } };
    });
    this.crons = crons.map((cron) => ({ ...cron.spec, nextMs: cron.stored.nextMs }));
    const wanted = crons.map((cron) => cron.stored);
    const changed =
      wanted.length !== stored.length || wanted.some((cron) => kept.get(cron.name)?.spec !== cron.spec);
    if (changed) await this.database.call("setCrons", { crons: wanted });
  }

  /** Something was scheduled; looks for what is due. */
  wake(): void {
    if (this.stopped) return;
    if (this.working) {
      this.again = true;
      return;
    }
    void this.work();
  }

  private async work(): Promise<void> {
    this.working = true;
    let nextMs: number | null = null;
    do {
      this.again = false;
      try {
        nextMs = await this.runDue();
      } catch (error) {
        this.services.troubled(error as Error);
        nextMs = Date.now() + RETRY_MS;
      }
    } while (this.again && !this.stopped);
    this.working = false;
    this.sleepUntil(nextMs);
  }

  /** Runs everything that is due now; returns when the next thing will be. */
  private async runDue(): Promise<number | null> {
    await this.fireCrons();
    for (;;) {
      if (this.stopped) return null;
      const { jobs, nextMs } = await this.database.call("dueJobs", { nowMs: Date.now() });
      if (jobs.length === 0) return nextMs;
      for (const job of jobs) {
        if (this.stopped) return null;
        await this.run(job);
      }
    }
  }

  private async run(job: Job): Promise<void> {
    if (job.kind === "action") {
      const { job: started, commit } = await this.database.call("startActionJob", { id: job.id });
      if (commit) this.services.committed(commit);
      if (started) void this.finishAction(started);
      return;
    }
    const id = requestId();
    try {
      const run = await this.database.call("runMutationJob", { id: job.id, requestId: id });
      if (!run) return;
      if (run.commit) this.services.committed(run.commit);
      this.services.ran(run, id);
      if (run.scheduled) this.again = true;
    } catch (error) {
      if (error instanceof StorageError) throw error;
      // It ended its thread: it would do so again.
      await this.finish(job.id, (error as Error).message);
    }
  }

  private async finishAction(job: Job): Promise<void> {
    const { outcome } = await this.services.runAction(job, job.args, job.id);
    while (!this.stopped) {
      try {
        return await this.finish(job.id, outcome.ok ? null : outcome.error.message);
      } catch (error) {
        if (!(error instanceof StorageError)) return;
        this.services.troubled(error);
        await pause(RETRY_MS, null, { ref: false });
      }
    }
  }

  private async finish(id: string, error: string | null): Promise<void> {
    const { commit } = await this.database.call("finishActionJob", { id, error });
    if (commit) this.services.committed(commit);
  }

  private async fireCrons(): Promise<void> {
    for (const cron of this.crons) {
      const now = Date.now();
      if (cron.nextMs > now) continue;
      const nextMs = nextRunMs(cron.schedule, now, cron.nextMs);
      const { commit } = await this.database.call("fireCron", {
        name: cron.name,
        component: cron.component,
        path: cron.function,
        args: cron.args,
        nextMs,
      });
      cron.nextMs = nextMs;
      this.services.committed(commit);
    }
  }

  private sleepUntil(jobMs: number | null): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.stopped) return;
    const next = Math.min(jobMs ?? Number.POSITIVE_INFINITY, ...this.crons.map((cron) => cron.nextMs));
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(0, next - Date.now()), LONGEST_WAIT_MS);
    this.timer = setTimeout(() => this.wake(), wait);
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
  }
}
