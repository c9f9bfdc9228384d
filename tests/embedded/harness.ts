/**
 * Starts embedded deployments as users do, as processes of their own on free ports, and waits for things with a limit.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import WebSocket from "ws";

export const ROOT = resolve(import.meta.dirname, "../..");
export const APP = join(import.meta.dirname, "app/convex");
const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 5_000;

/** Rejects when the promise takes too long, naming what was waited for. */
export async function within<T>(promise: Promise<T>, what: string, limitMs = 5_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `functions: null` serves what is pushed. */
export type StartOptions = { functions?: string | null; data?: string; extra?: string[] };

export class Deployment {
  url = "";
  siteUrl = "";
  adminKey = "";
  readonly data: string;
  /** Everything written to stderr so far. */
  stderr = "";
  readonly http: () => ConvexHttpClient;
  private readonly process: ChildProcess;
  private readonly ownsData: boolean;
  private readonly clients: ConvexClient[] = [];

  private constructor(process: ChildProcess, data: string, ownsData: boolean) {
    this.process = process;
    this.data = data;
    this.ownsData = ownsData;
    this.http = () => new ConvexHttpClient(this.url, { logger: false });
    process.stderr?.on("data", (text) => {
      this.stderr += String(text);
    });
  }

  static async start({ functions = APP, data, extra = [] }: StartOptions = {}): Promise<Deployment> {
    const folder = data ?? mkdtempSync(join(tmpdir(), "convex-embedded-"));
    const args = ["--json", "--port", "0", "--site-port", "0", "--data", folder];
    if (functions !== null) args.push("--functions", functions);
    const child = spawn(process.execPath, [join(ROOT, "embedded/main.mjs"), ...args, ...extra], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const deployment = new Deployment(child, folder, data === undefined);
    const lines = createInterface({ input: child.stdout });
    const first = new Promise<string>((resolveLine, reject) => {
      lines.once("line", resolveLine);
      child.once("exit", (code) => reject(new Error(`exit ${code}: ${deployment.stderr}`)));
    });
    const ready = JSON.parse(await within(first, "the deployment", START_LIMIT_MS)) as Record<string, string>;
    Object.assign(deployment, ready);
    return deployment;
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  client(): ConvexClient {
    const client = new ConvexClient(this.url, {
      webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
      logger: false,
      unsavedChangesWarning: false,
    });
    this.clients.push(client);
    return client;
  }

  admin(): ConvexHttpClient & { setAdminAuth(key: string): void } {
    const client = this.http() as ConvexHttpClient & { setAdminAuth(key: string): void };
    client.setAdminAuth(this.adminKey);
    return client;
  }

  async setEnv(name: string, value: string | null): Promise<Response> {
    return fetch(`${this.url}/api/update_environment_variables`, {
      method: "POST",
      headers: { authorization: `Convex ${this.adminKey}`, "content-type": "application/json" },
      body: JSON.stringify({ changes: [{ name, value }] }),
    });
  }

  /** Ends the process at once, as a crash would. The data stays. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Stops cleanly; returns the exit code. */
  async stop(): Promise<number | null> {
    await Promise.all(this.clients.map((client) => client.close()));
    const code = await this.end("SIGTERM");
    if (this.ownsData) rmSync(this.data, { recursive: true, force: true });
    return code;
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = once(this.process, "exit");
      this.process.kill(signal);
      await within(exited, `the end of the deployment after ${signal}`, STOP_LIMIT_MS);
    }
    return this.process.exitCode;
  }
}

/** Values of a subscription, and a way to wait for one that fits. */
export class Watch<T> {
  readonly values: T[] = [];
  readonly errors: Error[] = [];
  private readonly waiting = new Set<() => void>();
  readonly stop: () => void;

  constructor(subscribe: (onValue: (value: T) => void, onError: (error: Error) => void) => () => void) {
    const wake = () => {
      for (const check of this.waiting) check();
    };
    this.stop = subscribe(
      (value) => {
        this.values.push(value);
        wake();
      },
      (error) => {
        this.errors.push(error);
        wake();
      },
    );
  }

  /** The newest value, once there is one that fits. */
  until(fits: (value: T) => boolean, what = "a value", limitMs = 5_000): Promise<T> {
    return within(
      new Promise<T>((resolveValue) => {
        const check = () => {
          const value = this.values.at(-1);
          if (value === undefined || !fits(value)) return;
          this.waiting.delete(check);
          resolveValue(value);
        };
        this.waiting.add(check);
        check();
      }),
      what,
      limitMs,
    );
  }

  error(limitMs = 5_000): Promise<Error> {
    return within(
      new Promise<Error>((resolveError) => {
        const check = () => {
          const error = this.errors.at(-1);
          if (!error) return;
          this.waiting.delete(check);
          resolveError(error);
        };
        this.waiting.add(check);
        check();
      }),
      "an error",
      limitMs,
    );
  }
}

/** Repeats a check until it gives something, for states that can only be asked for. */
export async function eventually<T>(
  check: () => Promise<T | null>,
  what: string,
  limitMs = 8_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await check();
    if (found !== null) return found;
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`);
    await new Promise((next) => setTimeout(next, 20));
  }
}
