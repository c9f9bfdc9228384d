/** Mutations a second, over the socket and over HTTP, one after the other and many at a time. */
import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { type Deployment, within } from "../../embedded/harness.ts";
import { send } from "./api.ts";
import { cpuMs } from "./deployment.ts";
import { round } from "./samples.ts";

export type Rate = { name: string; perSecond: number; n: number; cpuMs: number | null };

const SOCKETS = 16;
const LIMIT_MS = 60_000;
const WARM_UP = 200;

type Call = (i: number) => Promise<unknown>;

export async function throughput(deployment: Deployment, n: number): Promise<Rate[]> {
  const rates: Rate[] = [];
  const measure = async (name: string, lanes: Call[], depth: number) => {
    await run(lanes, depth, WARM_UP);
    const cpuBefore = cpuMs(deployment);
    const started = performance.now();
    await within(run(lanes, depth, n), name, LIMIT_MS);
    const seconds = (performance.now() - started) / 1000;
    const cpuAfter = cpuMs(deployment);
    const cpu = cpuBefore === null || cpuAfter === null ? null : round((cpuAfter - cpuBefore) / n);
    rates.push({ name, perSecond: Math.round(n / seconds), n, cpuMs: cpu });
  };
  const message = (i: number) => ({ channel: `rate-${i % 100}`, body: `message ${i}` });

  const clients = Array.from({ length: SOCKETS }, () => deployment.client());
  const sockets = clients.map(
    (client): Call =>
      (i) =>
        client.mutation(send, message(i)),
  );
  const one = sockets.slice(0, 1);
  await measure("socket, one after the other", one, 1);
  await measure("socket, 64 under way", one, 64);
  await measure(`${SOCKETS} sockets, each one after the other`, sockets, 1);
  await measure(`${SOCKETS} sockets, 16 under way on each`, sockets, 16);
  await Promise.all(clients.map((client) => client.close()));

  const fetching = deployment.http();
  const viaFetch: Call = (i) => fetching.mutation(send, message(i), { skipQueue: true });
  await measure("HTTP, ConvexHttpClient, one after the other", [viaFetch], 1);
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
  const viaAgent: Call = (i) => post(deployment.url, agent, message(i));
  await measure("HTTP, node:http, one after the other", [viaAgent], 1);
  await measure(`HTTP, node:http, ${SOCKETS} at a time`, [viaAgent], SOCKETS);
  agent.destroy();
  return rates;
}

/** `depth` calls are under way on each lane until `n` have been made. */
async function run(lanes: Call[], depth: number, n: number): Promise<void> {
  let next = 0;
  const work = async (call: Call) => {
    while (next < n) await call(next++);
  };
  await Promise.all(lanes.flatMap((call) => Array.from({ length: depth }, () => work(call))));
}

function post(url: string, agent: Agent, args: object): Promise<void> {
  const body = JSON.stringify({ path: "messages:send", args, format: "json" });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api/mutation`, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => {
        if (response.statusCode === 200 && text.includes('"status":"success"')) resolve();
        else reject(new Error(`HTTP ${response.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
