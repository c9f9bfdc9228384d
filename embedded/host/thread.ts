/**
 * Starts a function thread. Its first code is JavaScript: a thread that begins with TypeScript loads Node's translator,
 * some 6 MB and a few tens of milliseconds, though all that it runs is in the cache of compiled code.
 */
import { Worker } from "node:worker_threads";
import type { ThreadData } from "../runtime/messages.ts";

/** Heap of a function thread; a function that needs more ends its thread. */
const HEAP_MB = 512;
const BEGIN = `
  require("node:module").enableCompileCache();
  import(${JSON.stringify(new URL("../runtime/thread.ts", import.meta.url).href)});
`;

export function startThread(workerData: ThreadData): Worker {
  return new Worker(BEGIN, {
    eval: true,
    workerData,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
}
