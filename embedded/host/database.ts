/**
 * The main thread's side of the database thread: sends requests, keeps a watch on how long functions run, and starts
 * a new thread when one had to be ended. Requests that had not begun are carried over to the new thread.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type { App } from "../app.ts";
import { StorageError } from "../engine/errors.ts";
import { FUNCTION_TIME_MS } from "../limits.ts";
import type {
  DatabaseApi,
  DatabaseFailed,
  DatabaseOp,
  DatabaseReady,
  DatabaseReply,
  EnvChange,
  FunctionSpec,
  Load,
} from "../runtime/messages.ts";
import { Pulse } from "../runtime/pulse.ts";
import { startThread } from "./thread.ts";

const WATCH_INTERVAL_MS = 100;
/** Loading an app takes well under a second; checking a large database against a new schema takes longer. */
const START_LIMIT_MS = 120_000;
/** A new thread that the disk keeps from starting is tried again after so long. */
const START_AGAIN_MS = 1_000;

type Waiting = {
  op: DatabaseOp;
  request: unknown;
  resolve: (reply: unknown) => void;
  reject: (error: Error) => void;
};

export type Ready = DatabaseReady["ready"];

/** The function ran too long, or took the thread down with it. The text is for its caller. */
export class FunctionEnded extends Error {
  /** Which call of a request with several was the one that ended it. */
  readonly part: number;

  constructor(message: string, part: number) {
    super(message);
    this.part = part;
  }
}

function fault(message: string, unavailable: boolean | undefined): Error {
  return unavailable ? new StorageError(message) : new Error(message);
}

export class DatabaseHost {
  private worker: Worker | null = null;
  private pulse = new Pulse();
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  /** Requests are posted only to a thread that is ready; until then they wait. */
  private ready = false;
  private stopping = false;
  private readonly watch: NodeJS.Timeout;
  private load: Load | null = null;
  /** Started ahead of its use, so that its code is loaded by then. */
  private spare: { worker: Worker; pulse: Pulse } | null = null;
  /** Called when no new thread can be started. */
  onLost: (error: Error) => void = () => {};

  constructor() {
    this.watch = setInterval(() => this.look(), WATCH_INTERVAL_MS);
    this.watch.unref();
    this.spare = this.spawn();
  }

  private spawn(): { worker: Worker; pulse: Pulse } {
    const pulse = new Pulse();
    return { worker: startThread({ role: "database", pulse: pulse.buffer }), pulse };
  }

  start(load: Load): Promise<Ready> {
    this.load = load;
    const { worker, pulse } = this.spare ?? this.spawn();
    this.spare = null;
    this.worker = worker;
    this.pulse = pulse;
    return new Promise<Ready>((resolve, reject) => {
      const timer = setTimeout(() => {
        void worker.terminate();
        reject(
          new Error(`The functions did not load within ${START_LIMIT_MS / 1000}s. Look for an endless loop.`),
        );
      }, START_LIMIT_MS);
      worker.once("message", () => clearTimeout(timer));
      worker.once("exit", () => clearTimeout(timer));
      worker.on("message", (message: DatabaseReady | DatabaseFailed | DatabaseReply) => {
        if ("ready" in message) {
          this.ready = true;
          resolve(message.ready);
          for (const [id, { op, request }] of this.waiting) worker.postMessage({ id, op, request });
        } else if ("failed" in message) {
          this.worker = null;
          void worker.terminate();
          reject(fault(message.failed, message.unavailable));
        } else this.settle(message);
      });
      worker.on("error", (error) => {
        reject(error);
        if (this.worker === worker)
          this.lose(this.pulse.request(), `The function thread failed: ${error.message}`);
      });
      worker.on("exit", () => {
        reject(new Error("The database thread ended."));
        if (this.worker === worker && !this.stopping)
          this.lose(this.pulse.request(), "The function thread ended.");
      });
      worker.postMessage(load);
    });
  }

  /** Functions of modules that the database thread doesn't load; it checks their arguments and schedules them. */
  async know(nodeFunctions: FunctionSpec[]): Promise<void> {
    if (this.load) this.load = { ...this.load, nodeFunctions };
    await this.call("addSpecs", { specs: nodeFunctions });
  }

  call<Op extends DatabaseOp>(
    op: Op,
    request: DatabaseApi[Op]["request"],
  ): Promise<DatabaseApi[Op]["reply"]> {
    return new Promise((resolve, reject) => {
      const id = ++this.lastId;
      this.waiting.set(id, { op, request, resolve: resolve as (reply: unknown) => void, reject });
      if (this.ready) this.worker?.postMessage({ id, op, request });
    });
  }

  private settle({ id, reply, error, unavailable }: DatabaseReply): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error !== undefined) waiting?.reject(fault(error, unavailable));
    else waiting?.resolve(reply);
  }

  private look(): void {
    if (this.pulse.runningFor(Date.now()) <= FUNCTION_TIME_MS || !this.pulse.kill()) return;
    const request = this.pulse.request();
    this.lose(
      request,
      `Function execution timed out (maximum duration: ${FUNCTION_TIME_MS / 1000}s). Look for an endless loop, or split the work.`,
    );
  }

  /** Ends the thread, fails the request that it was busy with, and starts another one. */
  private lose(culprit: number, message: string): void {
    const worker = this.worker;
    this.worker = null;
    this.ready = false;
    const waiting = this.waiting.get(culprit);
    this.waiting.delete(culprit);
    waiting?.reject(new FunctionEnded(message, this.pulse.part()));
    void worker?.terminate().then(() => this.restart());
  }

  private async restart(): Promise<void> {
    if (!this.load) return;
    try {
      await this.startWhenPossible(this.load);
    } catch (error) {
      if (!this.stopping) this.onLost(error as Error);
    }
  }

  /** A full disk may keep a thread from opening its file; what is asked meanwhile waits. */
  private async startWhenPossible(load: Load): Promise<Ready> {
    for (;;) {
      if (this.stopping) throw new Error("The deployment is stopping.");
      try {
        return await this.start(load);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        await pause(START_AGAIN_MS);
      }
    }
  }

  /**
   * Planned: lets the thread finish what it has, then starts one with another app, or with other environment
   * variables. When that one can't start, the one before is back, nothing has changed, and this throws.
   */
  async replace({ app, envChanges }: { app?: App; envChanges?: EnvChange[] }): Promise<Ready> {
    const { load } = this;
    if (!load) throw new Error("The database thread has not been started.");
    this.spare = this.spawn();
    const old = this.worker;
    const stopped = this.call("stop", {});
    this.ready = false;
    await stopped;
    this.worker = null;
    await old?.terminate();
    try {
      const changed = { ...load, ...(app && { app, nodeFunctions: [] }), envChanges };
      // Whoever sets a variable on a full disk is told at once.
      const ready = await (envChanges ? this.start(changed) : this.startWhenPossible(changed));
      // A thread that is started after a loss must not set them again: they may have changed since.
      if (this.load) this.load = { ...this.load, envChanges: undefined };
      return ready;
    } catch (error) {
      if (!this.stopping) await this.startWhenPossible(load);
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    clearInterval(this.watch);
    const stopped = this.worker && this.ready ? this.call("stop", {}).catch(() => {}) : null;
    this.ready = false;
    await stopped;
    await Promise.all([this.worker?.terminate(), this.spare?.worker.terminate()]);
  }
}
