/** A deployment that is measured: started as users do, with its processor time and memory read from the system. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Deployment } from "../../embedded/harness.ts";

export const APP = join(import.meta.dirname, "app");
/** Of `/proc/<pid>/stat`; Linux has 100 ticks in a second wherever Node runs. */
const TICK_MS = 10;

export function start(data?: string): Promise<Deployment> {
  return Deployment.start(data === undefined ? { functions: APP } : { functions: APP, data });
}

/** User and system time of all its threads so far, in ms; null where the system doesn't tell. */
export function cpuMs({ pid }: Deployment): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return null;
  }
}

/** Resident, in MiB; null where the system doesn't tell. */
export function memoryMiB({ pid }: Deployment): number | null {
  try {
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? null : Math.round(Number(kib) / 102.4) / 10;
  } catch {
    return null;
  }
}
