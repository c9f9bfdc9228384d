/**
 * Puts an embedded deployment under load with the official clients, and prints one JSON line of figures:
 *
 *   node tests/bench/load/measure.ts [--quick] [--only startUp,fanOut,throughput,untouched,reads]
 *
 * What is under way is said on stderr. `README.md` in the folder above says what each figure means.
 */
import { parseArgs } from "node:util";
import { memoryMiB, start } from "./deployment.ts";
import { fanOut } from "./fanOut.ts";
import { read } from "./reads.ts";
import { startUp } from "./startUp.ts";
import { throughput } from "./throughput.ts";
import { untouched } from "./untouched.ts";

const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
});
const { quick } = options;
const wanted = options.only?.split(",");
const rounds = quick ? 50 : 300;
const figures: Record<string, unknown> = {};

async function part(name: string, work: () => Promise<unknown>): Promise<void> {
  if (wanted && !wanted.includes(name)) return;
  process.stderr.write(`${name} ...\n`);
  figures[name] = await work();
}

await part("startUp", startUp);
const deployment = await start();
try {
  await part("fanOut", async () => {
    const all = [await fanOut(deployment, 1, false, rounds * 3)];
    for (const subscribers of quick ? [100] : [100, 1_000]) {
      for (const own of [false, true]) {
        all.push(await fanOut(deployment, subscribers, own, subscribers > 100 ? rounds / 10 : rounds / 2));
      }
    }
    return all;
  });
  await part("throughput", () => throughput(deployment, quick ? 1_000 : 4_000));
  await part("untouched", async () => {
    const all = [];
    for (const holder of ["others", "the caller"] as const) {
      for (const subscriptions of quick ? [0, 1_000] : [0, 1_000, 10_000]) {
        all.push(await untouched(deployment, subscriptions, holder, rounds));
      }
    }
    return all;
  });
  figures.memoryMiB = memoryMiB(deployment);
  await part("reads", async () => {
    const all = [];
    for (const rows of quick ? [10_000, 100_000] : [10_000, 1_000_000]) {
      all.push(await read(deployment, rows, rounds * 3));
    }
    return all;
  });
  figures.memoryAfterReadsMiB = memoryMiB(deployment);
} finally {
  await deployment.stop();
}
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit();
