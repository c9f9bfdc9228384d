/**
 * Scheduled functions: documents of the system table `_scheduled_functions`, written in the transaction that
 * schedules them. `state.kind` is pending -> inProgress (actions only) -> success | failed, or canceled.
 */
import {
  MAX_SCHEDULE_AHEAD_MS,
  MAX_SCHEDULED,
  MAX_SCHEDULED_ARGUMENT_BYTES,
  MAX_SCHEDULED_TOTAL_BYTES,
} from "../limits.ts";
import { type Address, canonicalPath, componentKey, componentOfKey, nameOfKey } from "../names.ts";
import type { JsonObject } from "../values/json.ts";
import { AFTER_PREFIX, encodeValue } from "../values/keys.ts";
import { DeveloperError } from "./errors.ts";
import { DUE_INDEX, SCHEDULED_TABLE, type Store } from "./store.ts";
import type { Transaction } from "./transaction.ts";

export type JobState = "pending" | "inProgress" | "success" | "failed" | "canceled";
export type JobDocument = {
  _id: string;
  name: string;
  args: [JsonObject];
  scheduledTime: number;
  completedTime?: number;
  state: { kind: JobState; error?: string };
};

export function scheduleJob(
  transaction: Transaction,
  { component, path }: Address,
  args: JsonObject,
  atMs: number,
  nowMs: number,
): string {
  if (!Number.isFinite(atMs) || atMs > nowMs + MAX_SCHEDULE_AHEAD_MS) {
    throw new DeveloperError(`Can't schedule ${path} that far ahead; the limit is five years.`);
  }
  const bytes = JSON.stringify(args).length;
  if (bytes > MAX_SCHEDULED_ARGUMENT_BYTES) {
    throw new DeveloperError(
      `Arguments of scheduled function ${path} are too large (${bytes} bytes > ${MAX_SCHEDULED_ARGUMENT_BYTES}).`,
    );
  }
  transaction.scheduled.count += 1;
  transaction.scheduled.bytes += bytes;
  if (
    transaction.scheduled.count > MAX_SCHEDULED ||
    transaction.scheduled.bytes > MAX_SCHEDULED_TOTAL_BYTES
  ) {
    throw new DeveloperError(
      `Too many functions scheduled by this mutation (limit: ${MAX_SCHEDULED} functions, ${MAX_SCHEDULED_TOTAL_BYTES} bytes of arguments)`,
    );
  }
  const [module, name] = path.split(":");
  return transaction.insert(componentKey(component, SCHEDULED_TABLE), {
    name: `${module}.js:${name}`,
    args: [args],
    scheduledTime: atMs,
    state: { kind: "pending" },
  });
}

/** Cancels what has not begun; an action in progress is marked, so that it schedules no more. */
export function cancelJob(transaction: Transaction, id: string, nowMs: number): void {
  if (scheduledTableOf(transaction.store, id) === null) {
    throw new DeveloperError(
      `Invalid argument \`id\` for \`scheduler.cancel\`: "${id}" is no ID of ${SCHEDULED_TABLE}.`,
    );
  }
  const job = readJob(transaction.store, id);
  if (!job) return;
  if (job.state.kind === "pending" || job.state.kind === "inProgress")
    finishJob(transaction, id, "canceled", nowMs);
}

/** The key of the table of scheduled functions that an id belongs to; every component has one. */
function scheduledTableOf(store: Store, id: string): string | null {
  const table = store.tableOfId(id);
  return table !== null && nameOfKey(table) === SCHEDULED_TABLE ? table : null;
}

export function readJob(store: Store, id: string): JobDocument | null {
  const table = scheduledTableOf(store, id);
  const row = table === null ? null : store.find(table, id);
  return row ? (JSON.parse(row.json) as JobDocument) : null;
}

/** The function that a job runs. */
export function addressOf(store: Store, job: JobDocument): Address {
  const component = componentOfKey(scheduledTableOf(store, job._id) ?? "");
  return { component, path: canonicalPath(job.name) };
}

export function finishJob(
  transaction: Transaction,
  id: string,
  kind: JobState,
  nowMs: number,
  error?: string,
): void {
  const state: JsonObject = error === undefined ? { kind } : { kind, error };
  const completed: JsonObject = kind === "inProgress" ? {} : { completedTime: nowMs };
  const table = scheduledTableOf(transaction.store, id);
  if (table !== null) transaction.patch(table, id, { state, ...completed });
}

/** Pending jobs that are due, in order of time, and the time of the first one that is not. */
export function dueJobs(
  store: Store,
  nowMs: number,
  limit: number,
): { due: JobDocument[]; nextMs: number | null } {
  const found = jobsIn(store, "pending", limit + 1);
  const due = found.filter((job) => job.scheduledTime <= nowMs).slice(0, limit);
  return { due, nextMs: found[due.length]?.scheduledTime ?? null };
}

export function jobsIn(store: Store, state: JobState, limit: number): JobDocument[] {
  const prefix = encodeValue(state);
  const found: JobDocument[] = [];
  for (const table of store.tables.values()) {
    const index = nameOfKey(table.name) === SCHEDULED_TABLE && table.indexes.get(DUE_INDEX.name);
    if (!index) continue;
    const entries = store.scan(index.id, prefix, prefix + AFTER_PREFIX, false, limit);
    found.push(...entries.map((entry) => JSON.parse(entry.json) as JobDocument));
  }
  return found.sort((a, b) => a.scheduledTime - b.scheduledTime).slice(0, limit);
}
