/**
 * Where a function thread begins. It loads the code of its role, then waits for its first message, which tells what to
 * run; so it can be started before that is known.
 */
import { once } from "node:events";
import { flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { Load, ThreadData } from "./messages.ts";

const port = parentPort;
if (!port) throw new Error("thread.ts runs only as a worker thread");
const { role, pulse: buffer } = workerData as ThreadData;
const loaded = once(port, "message") as Promise<[Load]>;
const { Pulse } = await import("./pulse.ts");
const { start } = await {
  database: () => import("./databaseThread.ts"),
  action: () => import("./actionThread.ts"),
  analysis: () => import("./analysisThread.ts"),
}[role]();
const [load] = await loaded;
Object.assign(process.env, load.env);
try {
  await start(port, new Pulse(buffer), load);
} catch (error) {
  // What is the app's fault is told in a line; anything else with its trace.
  const expected =
    error instanceof Error && ["LoadError", "SchemaError", "StorageError"].includes(error.name);
  const text =
    error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error);
  port.postMessage({ failed: text, unavailable: error instanceof Error && error.name === "StorageError" });
}
flushCompileCache();
