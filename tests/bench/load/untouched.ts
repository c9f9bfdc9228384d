/**
 * What a mutation costs while others, or the caller itself, watch what it doesn't touch.
 *
 * The caller is a bare socket: npm's client goes through all its own queries whenever it hears anything, which at
 * 10,000 takes it 9 ms.
 */
import { performance } from "node:perf_hooks";
import { type Deployment, within } from "../../embedded/harness.ts";
import { RawSocket } from "../../embedded/rawSocket.ts";
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
  const caller = await RawSocket.connect(deployment.url);
  const sockets = [caller];
  for (let from = 0; from < subscriptions; from += PER_SOCKET) {
    if (holder === "others") sockets.push(await RawSocket.connect(deployment.url));
    const count = Math.min(PER_SOCKET, subscriptions - from);
    await subscribe(sockets.at(-1) ?? caller, holder === "others" ? 0 : from, count);
  }
  const samples: number[] = [];
  let cpuBefore: number | null = null;
  for (let i = -WARM_UP; i < calls; i++) {
    if (i === 0) cpuBefore = cpuMs(deployment);
    const started = performance.now();
    await mutate(caller, i + WARM_UP);
    if (i >= 0) samples.push(performance.now() - started);
  }
  const cpuAfter = cpuMs(deployment);
  for (const socket of sockets) socket.close();
  const cpu = cpuBefore === null || cpuAfter === null ? null : round((cpuAfter - cpuBefore) / calls);
  return { subscriptions, holder, mutation: times(samples, cpu) };
}

/** Adds the queries number `from` to `from + count` of the socket, each of a channel of its own. */
async function subscribe(socket: RawSocket, from: number, count: number): Promise<void> {
  const modifications = Array.from({ length: count }, (_, i) => {
    const args = [{ channel: `quiet-${crypto.randomUUID()}` }];
    return { type: "Add", queryId: from + i, udfPath: "messages:latest", args };
  });
  const baseVersion = from / PER_SOCKET;
  const newVersion = baseVersion + 1;
  socket.send({ type: "ModifyQuerySet", baseVersion, newVersion, modifications });
  const added = (message: Record<string, unknown>) =>
    (message.endVersion as { querySet: number }).querySet === newVersion;
  await socket.until("Transition", added, CONNECT_LIMIT_MS);
}

/** Until the transition that completes it for the caller. */
function mutate({ ws }: RawSocket, requestId: number): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    let answered = false;
    const listen = (data: unknown) => {
      const message = JSON.parse(String(data)) as { type: string; success?: boolean; result?: unknown };
      if (message.type === "MutationResponse" && !message.success) reject(new Error(String(message.result)));
      if (message.type === "MutationResponse") answered = true;
      else if (message.type === "Transition" && answered) {
        ws.off("message", listen);
        resolve();
      }
    };
    ws.on("message", listen);
  });
  const args = [{ channel: "loud", body: `message ${requestId}` }];
  ws.send(JSON.stringify({ type: "Mutation", requestId, udfPath: "messages:send", args }));
  return within(done, "a mutation", CALL_LIMIT_MS);
}
