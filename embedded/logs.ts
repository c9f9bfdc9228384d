/**
 * What functions logged and how they ended: a ring of recent executions for `npx convex logs`, and lines on stderr.
 */
import type { Failure } from "./runtime/messages.ts";

export type Execution = {
  udfType: "Query" | "Mutation" | "Action" | "HttpAction";
  /** `dir/file:export`, or `GET /path` for an HTTP action. */
  identifier: string;
  /** Path of the component; left out for the app itself. */
  component?: string;
  requestId: string;
  logLines: string[];
  error: Failure | null;
  /** Seconds. */
  executionTime: number;
  caller: "HttpApi" | "SyncWorker" | "Scheduler" | "Action" | "HttpEndpoint";
  environment: "isolate" | "node";
};

type Entry = {
  atMs: number;
  execution: Execution;
};

const KEPT = 2_000;
/** Of log lines and errors together; a single execution may log 8 MB. */
const KEPT_CHARS = 16_000_000;
/** A poll without news is answered after this long; below the idle limits of usual proxies. */
const POLL_MS = 45_000;

export class Logs {
  private readonly entries: Entry[] = [];
  private chars = 0;
  private lastMs = 0;
  private readonly waiting = new Set<() => void>();
  private readonly print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.print = print;
  }

  add(execution: Execution): void {
    // Distinct, growing times, since a reader continues after the time of the last entry it has.
    this.lastMs = Math.max(Date.now(), this.lastMs + 0.001);
    this.entries.push({ atMs: this.lastMs, execution });
    this.chars += charsOf(execution);
    while (this.entries.length > KEPT || (this.chars > KEPT_CHARS && this.entries.length > 1)) {
      const oldest = this.entries.shift();
      if (oldest) this.chars -= charsOf(oldest.execution);
    }
    for (const line of execution.logLines) {
      this.print(`${execution.udfType.charAt(0)}(${execution.identifier}) ${line}`);
    }
    if (execution.error)
      this.print(
        `${execution.udfType.charAt(0)}(${execution.identifier}) [ERROR] ${execution.error.message.trimEnd()}`,
      );
    for (const wake of this.waiting) wake();
  }

  /** Executions after the cursor (ms); waits for one, except on a first poll. */
  async poll(cursor: number, closed: AbortSignal): Promise<{ entries: object[]; newCursor: number }> {
    if (cursor > 0 && this.after(cursor).length === 0) await this.news(closed);
    const found = this.after(cursor);
    return { entries: found.map(render), newCursor: found.at(-1)?.atMs ?? Math.max(cursor, this.lastMs, 1) };
  }

  private after(cursor: number): Entry[] {
    return this.entries.filter((entry) => entry.atMs > cursor);
  }

  private news(closed: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(done);
        closed.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, POLL_MS);
      this.waiting.add(done);
      closed.addEventListener("abort", done);
    });
  }

  close(): void {
    for (const wake of [...this.waiting]) wake();
  }
}

function charsOf({ logLines, error }: Execution): number {
  return logLines.reduce((sum, line) => sum + line.length, error?.message.length ?? 0);
}

function render({ atMs, execution }: Entry): object {
  const { error, component, ...rest } = execution;
  return {
    kind: "Completion",
    ...rest,
    componentPath: component || null,
    timestamp: atMs / 1000,
    error: error?.message ?? null,
    success: error === null ? { status: "success" } : null,
    cachedResult: false,
    usageStats: {},
  };
}
