/** An indexed read in a small and in a large table: what it costs must not depend on the size. */
import { performance } from "node:perf_hooks";
import { type Deployment, within } from "../../embedded/harness.ts";
import { inGroup, seed } from "./api.ts";
import { cpuMs } from "./deployment.ts";
import { round, type Times, times } from "./samples.ts";

export type Read = { rows: number; seededPerSecond: number; read: Times };

/** Below the limit of documents that one mutation may write, and of the second that it may take. */
const BATCH = 4_000;
const BATCH_LIMIT_MS = 20_000;
const WARM_UP = 200;

export async function read(deployment: Deployment, rows: number, reads: number): Promise<Read> {
  const client = deployment.client();
  const size = `of ${rows}`;
  const seeding = performance.now();
  for (let from = 0; from < rows; from += BATCH) {
    const batch = { size, from, count: Math.min(BATCH, rows - from) };
    await within(client.mutation(seed, batch), "a batch of rows", BATCH_LIMIT_MS);
  }
  const seconds = (performance.now() - seeding) / 1000;
  const samples: number[] = [];
  const groups = rows / 10;
  let cpuBefore: number | null = null;
  for (let i = -WARM_UP; i < reads; i++) {
    if (i === 0) cpuBefore = cpuMs(deployment);
    // All over the table, and never the same group twice in a row.
    const group = Math.floor(((i + WARM_UP) * 0.618034 * groups) % groups);
    const started = performance.now();
    const found = await client.query(inGroup, { size, group });
    if (found.length !== 5) throw new Error(`group ${group} of ${rows} rows gave ${found.length} rows`);
    if (i >= 0) samples.push(performance.now() - started);
  }
  const cpuAfter = cpuMs(deployment);
  await client.close();
  const cpu = cpuBefore === null || cpuAfter === null ? null : round((cpuAfter - cpuBefore) / reads);
  return { rows, seededPerSecond: Math.round(rows / seconds), read: times(samples, cpu) };
}
