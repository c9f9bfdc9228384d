/**
 * Which function is running: carried through its awaits, so that the global `Convex` object, `console`, `Date` and
 * `Math.random` can find it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { inspect } from "node:util";
import { MAX_LOG_LINE_BYTES, MAX_LOG_LINES } from "../limits.ts";
import type { Identity } from "./messages.ts";

/** What the functions' global `Convex` object does: `op` and arguments as JSON text in, JSON text out. */
export interface Syscalls {
  syscall(op: string, args: string): string;
  asyncSyscall(op: string, args: string): Promise<string>;
  jsSyscall(op: string, args: Record<string, unknown>): unknown;
}

export class LogBook {
  readonly lines: string[] = [];

  write(level: string, parts: unknown[]): void {
    if (this.lines.length > MAX_LOG_LINES) return;
    if (this.lines.length === MAX_LOG_LINES) {
      this.lines.push(`[WARN] 'Log overflow (maximum ${MAX_LOG_LINES} lines). Remaining log lines omitted.'`);
      return;
    }
    const text = parts.map((part) => inspect(part)).join(" ");
    const cut =
      text.length > MAX_LOG_LINE_BYTES
        ? `${text.slice(0, MAX_LOG_LINE_BYTES)} (truncated due to length)`
        : text;
    this.lines.push(`[${level}] ${cut}`);
  }
}

export type Run = {
  /** Path of the component whose function runs. */
  component: string;
  path: string;
  identity: Identity;
  requestId: string;
  syscalls: Syscalls;
  log: LogBook;
  /** Fixed clock and random numbers of queries and mutations; null in actions. */
  frozen: { nowMs: number; random: () => number } | null;
};

export const currentRun = new AsyncLocalStorage<Run>();

function running(): Syscalls {
  const run = currentRun.getStore();
  if (!run) throw new Error("Convex functions can only use the database inside a query, mutation or action.");
  return run.syscalls;
}

/** Installs `globalThis.Convex`, through which the package `convex/server` reaches its host. */
export function installConvexGlobal(): void {
  Object.defineProperty(globalThis, "Convex", {
    value: {
      syscall: (op: string, args: string) => running().syscall(op, args),
      asyncSyscall: (op: string, args: string) => running().asyncSyscall(op, args),
      jsSyscall: (op: string, args: Record<string, unknown>) => running().jsSyscall(op, args),
    },
  });
}

const LEVELS = { log: "LOG", debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR", trace: "LOG" };

/** Sends `console.*` of a running function to its log; outside of one (while a module loads) it is dropped. */
export function installConsole(): void {
  for (const [method, level] of Object.entries(LEVELS)) {
    Object.defineProperty(console, method, {
      value: (...parts: unknown[]) => currentRun.getStore()?.log.write(level, parts),
      writable: true,
    });
  }
  const timers = new Map<string, number>();
  console.time = (label = "default") => void timers.set(label, performance.now());
  console.timeEnd = (label = "default") => {
    const since = timers.get(label);
    timers.delete(label);
    if (since !== undefined) console.info(`${label}: ${performance.now() - since}ms`);
  };
}
