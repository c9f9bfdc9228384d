/** From the call of a mutation to the callbacks of those who watch what it changes, each with a socket of its own. */
import { performance } from "node:perf_hooks";
import type { ConvexClient } from "convex/browser";
import { type Deployment, within } from "../../embedded/harness.ts";
import { latest, send } from "./api.ts";
import { cpuMs } from "./deployment.ts";
import { round, type Times, times } from "./samples.ts";

export type FanOut = { subscribers: number; own: boolean; first: Times; last: Times };

const CONNECT_LIMIT_MS = 60_000;
const ROUND_LIMIT_MS = 20_000;
/** Before anything is counted: code that runs for the first time is not compiled yet. */
const WARM_UP = 10;

/** `own`: each subscriber has other arguments, so that the deployment runs a query for each of them. */
export async function fanOut(
  deployment: Deployment,
  subscribers: number,
  own: boolean,
  rounds: number,
): Promise<FanOut> {
  const channel = `fan-${subscribers}-${own}`;
  let arrived = (_body: string | undefined) => {};
  const clients: ConvexClient[] = [];
  const all = counting(subscribers);
  arrived = all.arrived;
  for (let viewer = 0; viewer < subscribers; viewer++) {
    const client = deployment.client();
    clients.push(client);
    client.onUpdate(latest, own ? { channel, viewer } : { channel }, (bodies: string[]) =>
      arrived(bodies[0]),
    );
  }
  const caller = deployment.client();
  clients.push(caller);
  await within(all.done, `${subscribers} subscribers`, CONNECT_LIMIT_MS);
  const first: number[] = [];
  const last: number[] = [];
  let cpuBefore: number | null = null;
  for (let i = -WARM_UP; i < rounds; i++) {
    if (i === 0) cpuBefore = cpuMs(deployment);
    const body = `message ${i}`;
    const told = counting(subscribers, body);
    arrived = told.arrived;
    const started = performance.now();
    const answered = caller.mutation(send, { channel, body });
    const ends = await within(told.done, `all of ${subscribers} callbacks`, ROUND_LIMIT_MS);
    await answered;
    if (i < 0) continue;
    first.push(ends.first - started);
    last.push(ends.last - started);
  }
  const cpuAfter = cpuMs(deployment);
  await Promise.all(clients.map((client) => client.close()));
  const cpu = cpuBefore === null || cpuAfter === null ? null : round((cpuAfter - cpuBefore) / rounds);
  return { subscribers, own, first: times(first, cpu), last: times(last, cpu) };
}

/** Waits for so many callbacks, with the given value if one is named. */
function counting(count: number, wanted?: string) {
  let left = count;
  let first = 0;
  let resolve: (ends: { first: number; last: number }) => void = () => {};
  const done = new Promise<{ first: number; last: number }>((resolveDone) => {
    resolve = resolveDone;
  });
  const arrived = (body: string | undefined) => {
    if (wanted !== undefined && body !== wanted) return;
    const now = performance.now();
    if (left === count) first = now;
    left -= 1;
    if (left === 0) resolve({ first, last: now });
  };
  return { done, arrived };
}
