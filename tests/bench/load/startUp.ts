/** From starting the process to the line that says it is ready, with code compiled before and data there. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { memoryMiB, start } from "./deployment.ts";
import { round } from "./samples.ts";

export type StartUp = { medianMs: number; allMs: number[]; idleMiB: number | null };

const STARTS = 5;
/** What was needed only to start is given back by then. */
const SETTLED_MS = 1_000;

export async function startUp(): Promise<StartUp> {
  const data = mkdtempSync(join(tmpdir(), "convex-bench-"));
  try {
    const allMs: number[] = [];
    let idleMiB: number | null = null;
    for (let i = -1; i < STARTS; i++) {
      const started = performance.now();
      const deployment = await start(data);
      if (i >= 0) allMs.push(round(performance.now() - started));
      if (i === STARTS - 1) {
        await new Promise((next) => setTimeout(next, SETTLED_MS));
        idleMiB = memoryMiB(deployment);
      }
      await deployment.stop();
    }
    const medianMs = [...allMs].sort((a, b) => a - b)[Math.floor(STARTS / 2)] ?? Number.NaN;
    return { medianMs, allMs, idleMiB };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}
