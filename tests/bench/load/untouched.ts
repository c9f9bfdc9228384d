/** What a mutation costs while others, or the caller itself, watch what it doesn't touch. */
import { performance } from "node:perf_hooks";
import type { ConvexClient } from "convex/browser";
import { anyApi as api } from "convex/server";
import { type Deployment, within } from "../../embedded/harness.ts";
import { cpuMs } from "./deployment.ts";
import { round, type Times, times } from "./samples.ts";

export type Untouched = { subscriptions: number; holder: "others" | "the caller"; mutation: Times };

const PER_SOCKET = 1_000;
const CONNECT_LIMIT_MS = 60_000;
const CALL_LIMIT_MS = 10_000;
const WARM_UP = 100;

export async function untouched(
  deployment: Deployment,
  subscriptions: number,
  holder: Untouched["holder"],
  calls: number,
): Promise<Untouched> {
  const caller = deployment.client();
  const clients = [caller];
  const watching: Promise<void>[] = [];
  const watch = (client: ConvexClient, viewer: number) =>
    new Promise<void>((resolve) => {
      client.onUpdate(api.messages.latest, { channel: `quiet-${viewer}` }, () => resolve());
    });
  for (let i = 0; i < subscriptions; i++) {
    if (holder === "others" && i % PER_SOCKET === 0) clients.push(deployment.client());
    watching.push(watch(clients.at(-1) ?? caller, i));
  }
  await within(Promise.all(watching), `${subscriptions} subscriptions`, CONNECT_LIMIT_MS);
  const samples: number[] = [];
  let cpuBefore: number | null = null;
  for (let i = -WARM_UP; i < calls; i++) {
    if (i === 0) cpuBefore = cpuMs(deployment);
    const started = performance.now();
    const answered = caller.mutation(api.messages.send, { channel: "loud", body: `message ${i}` });
    await within(answered, "a mutation", CALL_LIMIT_MS);
    if (i >= 0) samples.push(performance.now() - started);
  }
  const cpuAfter = cpuMs(deployment);
  await Promise.all(clients.map((client) => client.close()));
  const cpu = cpuBefore === null || cpuAfter === null ? null : round((cpuAfter - cpuBefore) / calls);
  return { subscriptions, holder, mutation: times(samples, cpu) };
}
