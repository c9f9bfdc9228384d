/**
 * Live queries: one entry per (function, arguments, identity, journal), shared by every subscriber. A commit marks
 * those whose read ranges hold a written key; they run again together, at one timestamp, and their subscribers are
 * told once all of it is known.
 *
 * The database thread answers in order, so when the results of a run arrive, every commit before that run has been
 * seen here: an entry that is clean then is true as of the run's timestamp. Many queries run in portions, so that the
 * calls of others come in between; what those change runs again.
 */
import type { ReadRange } from "../engine/transaction.ts";
import type { DatabaseHost } from "../host/database.ts";
import { FunctionEnded } from "../host/database.ts";
import type { Commit, Failure, Identity, Outcome, QueryRun } from "../runtime/messages.ts";
import type { JsonObject } from "../values/json.ts";
import { type Handle, IntervalSet } from "./intervals.ts";

/** Queries that run together; some 10 ms for the usual ones. */
const PORTION = 50;

/** Index keys of the last commits that are remembered. */
const KEPT_WRITES = 20_000;

export type QueryKey = {
  path: string;
  component?: string;
  args: JsonObject;
  identity: Identity;
  journal: string | null;
};

export class LiveQuery {
  readonly key: string;
  readonly query: QueryKey;
  outcome: Outcome | null = null;
  logLines: string[] = [];
  journal: string | null;
  /** Has to run, and isn't running. */
  dirty = true;
  /** The outcome is true as of the newest timestamp. */
  known = false;
  /** Counts results that differed from the one before. */
  version = 0;
  /** The result as it goes to every subscriber; for those who write it down once for all. */
  rendered: string | null = null;
  readonly subscribers = new Set<Subscriber>();
  ranges: { index: number; handle: Handle<LiveQuery> }[] = [];

  constructor(key: string, query: QueryKey) {
    this.key = key;
    this.query = query;
    this.journal = query.journal;
  }
}

/**
 * Someone who holds live queries; told after each round of runs. What it has to know for that is kept up to date as
 * things happen, so that being told costs as much as there is news, however many queries it holds.
 */
export interface Subscriber {
  /** Its queries whose result at the newest timestamp is still to come. */
  readonly unknown: Set<LiveQuery>;
  /** Its queries with a result that it has not been told; it empties this. */
  readonly changed: Set<LiveQuery>;
  /** All but `unknown` is known as of `ts`. */
  settled(ts: bigint): void;
}

export type RunListener = (query: QueryKey, run: QueryRun) => void;

function stable(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export class LiveQueries {
  /** Timestamp of the last commit that this thread knows of. */
  latestTs: bigint;
  private readonly entries = new Map<string, LiveQuery>();
  private readonly byIndex = new Map<number, IntervalSet<LiveQuery>>();
  private readonly dirty = new Set<LiveQuery>();
  private readonly waiting = new Set<Subscriber>();
  /** The last commits, for queries at a timestamp that has passed. */
  private readonly recent: Commit[] = [];
  private recentWrites = 0;
  private rememberedSince: bigint;
  private running = false;
  private readonly database: DatabaseHost;
  private readonly onRun: RunListener;

  constructor(database: DatabaseHost, latestTs: bigint, onRun: RunListener) {
    this.database = database;
    this.latestTs = latestTs;
    this.rememberedSince = latestTs;
    this.onRun = onRun;
  }

  get size(): number {
    return this.entries.size;
  }

  subscribe(query: QueryKey, subscriber: Subscriber): LiveQuery {
    const key = stable([query.path, query.component ?? "", query.args, query.identity, query.journal]);
    let entry = this.entries.get(key);
    if (!entry) {
      entry = new LiveQuery(key, query);
      this.entries.set(key, entry);
      this.dirty.add(entry);
    }
    entry.subscribers.add(subscriber);
    (entry.known ? subscriber.changed : subscriber.unknown).add(entry);
    return entry;
  }

  unsubscribe(entry: LiveQuery, subscriber: Subscriber): void {
    entry.subscribers.delete(subscriber);
    subscriber.unknown.delete(entry);
    subscriber.changed.delete(entry);
    if (entry.subscribers.size > 0) return;
    this.forgetRanges(entry);
    this.dirty.delete(entry);
    this.entries.delete(entry.key);
  }

  /** Marks what a commit touched, and sees to it that it runs again. */
  committed(commit: Commit): void {
    this.latestTs = commit.ts;
    this.recent.push(commit);
    this.recentWrites += commit.writes.length;
    while (this.recentWrites > KEPT_WRITES && this.recent.length > 1) {
      const forgotten = this.recent.shift() as Commit;
      this.recentWrites -= forgotten.writes.length;
      this.rememberedSince = forgotten.ts;
    }
    for (const { index, key } of commit.writes)
      this.byIndex.get(index)?.stab(key, (entry) => this.mark(entry));
    this.refresh();
  }

  /** Whether something in these ranges was written after `ts`; also true when that can't be told any more. */
  changedSince(ts: bigint, reads: ReadRange[]): boolean {
    if (ts < this.rememberedSince) return true;
    return this.recent.some(
      (commit) =>
        commit.ts > ts &&
        commit.writes.some(({ index, key }) =>
          reads.some((range) => range.index === index && range.lo <= key && key < range.hi),
        ),
    );
  }

  /** After a change that read sets don't cover: other code, another environment, an import. */
  invalidateAll(): void {
    this.recent.length = 0;
    this.recentWrites = 0;
    this.rememberedSince = this.latestTs;
    for (const entry of this.entries.values()) this.mark(entry);
    this.refresh();
  }

  private mark(entry: LiveQuery): void {
    if (entry.dirty) return;
    entry.dirty = true;
    entry.known = false;
    this.dirty.add(entry);
    for (const subscriber of entry.subscribers) subscriber.unknown.add(entry);
  }

  /** Tells the subscriber when all its queries are known at one timestamp: now, if they are. */
  notify(subscriber: Subscriber): void {
    this.waiting.add(subscriber);
    this.refresh();
    this.settle();
  }

  private refresh(): void {
    if (!this.running && this.dirty.size > 0) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    const batch: LiveQuery[] = [];
    for (const entry of this.dirty) {
      if (batch.length === PORTION) break;
      batch.push(entry);
      this.dirty.delete(entry);
      entry.dirty = false;
    }
    try {
      const { runs } = await this.database.call("queries", {
        calls: batch.map((entry) => ({ ...entry.query, journal: entry.journal })),
      });
      for (const [i, entry] of batch.entries()) {
        const run = runs[i];
        if (run && this.entries.get(entry.key) === entry) this.accept(entry, run);
      }
    } catch (error) {
      this.failed(batch, error as Error);
    }
    this.running = false;
    // The database thread is busy with the next portion while the subscribers of this one are told.
    this.refresh();
    this.settle();
  }

  private accept(entry: LiveQuery, run: QueryRun): void {
    this.onRun(entry.query, run);
    entry.journal = run.journal;
    entry.rendered = null;
    this.forgetRanges(entry);
    for (const { index, lo, hi } of run.reads) {
      if (lo >= hi) continue;
      let set = this.byIndex.get(index);
      if (!set) {
        set = new IntervalSet();
        this.byIndex.set(index, set);
      }
      entry.ranges.push({ index, handle: set.add(lo, hi, entry) });
    }
    this.store(entry, run.outcome, run.logLines);
  }

  private store(entry: LiveQuery, outcome: Outcome, logLines: string[]): void {
    const same =
      entry.outcome?.ok &&
      outcome.ok &&
      entry.outcome.value === outcome.value &&
      JSON.stringify(entry.logLines) === JSON.stringify(logLines);
    if (!same) {
      entry.outcome = outcome;
      entry.logLines = logLines;
      entry.rendered = null;
      entry.version += 1;
    }
    entry.known = !entry.dirty;
    for (const subscriber of entry.subscribers) {
      if (!same) subscriber.changed.add(entry);
      if (entry.known) subscriber.unknown.delete(entry);
      this.waiting.add(subscriber);
    }
  }

  /** One query ended the thread: it fails, the others of its round run again. */
  private failed(batch: LiveQuery[], error: Error): void {
    const culprit = error instanceof FunctionEnded ? batch[error.part] : null;
    const failure: Failure = { message: error.message };
    for (const entry of batch) {
      if (this.entries.get(entry.key) !== entry) continue;
      if (entry === culprit || culprit === null || culprit === undefined) {
        this.store(entry, { ok: false, error: failure }, []);
      } else this.mark(entry);
    }
  }

  private forgetRanges(entry: LiveQuery): void {
    for (const { index, handle } of entry.ranges) {
      const set = this.byIndex.get(index);
      set?.remove(handle);
      if (set?.size === 0) this.byIndex.delete(index);
    }
    entry.ranges = [];
  }

  /** Tells everyone with something new; who waits for a query that is to run again is told after that, too. */
  private settle(): void {
    const told = [...this.waiting];
    this.waiting.clear();
    for (const subscriber of told) subscriber.settled(this.latestTs);
  }
}
