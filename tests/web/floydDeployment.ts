/** An embedded deployment with Floyd's functions, a person who is signed in, and a worker to play the other side. */
import { join } from "node:path";
import type { ConvexHttpClient } from "convex/browser";
import { ConvexReactClient } from "convex/react";
import WebSocket from "ws";
import { api, type Id } from "../../web/src/api.ts";
import { Deployment, ROOT } from "../embedded/harness.ts";
import { Issuer } from "../embedded/tokens.ts";

const FLOYD = { issuer: "https://floyd.local", audience: "floyd" };
const WORKER = { workerId: "kitchen", incarnation: "start-1" };

export type Leased = { requestId: Id<"requests">; token: string };
export type OnCall = Leased & { callId: Id<"calls"> };

export class FloydDeployment {
  readonly deployment: Deployment;
  readonly worker: ConvexHttpClient;
  private readonly issuer: Issuer;
  private leases = 0;

  private constructor(deployment: Deployment, issuer: Issuer, worker: ConvexHttpClient) {
    this.deployment = deployment;
    this.issuer = issuer;
    this.worker = worker;
  }

  static async start(): Promise<FloydDeployment> {
    const issuer = await Issuer.create();
    const deployment = await Deployment.start({ functions: join(ROOT, "convex") });
    await deployment.setEnv("FLOYD_JWKS", issuer.jwks);
    const worker = deployment.http();
    worker.setAuth(await issuer.sign("worker", { ...FLOYD, claims: { role: "service" } }));
    await worker.mutation(api.workers.register, { ...WORKER, version: "0.1.0", maxCalls: 20 });
    return new FloydDeployment(deployment, issuer, worker);
  }

  stop(): Promise<number | null> {
    return this.deployment.stop();
  }

  /** A person known to Floyd. */
  async person(name: string): Promise<ConvexHttpClient> {
    const client = this.deployment.http();
    client.setAuth(await this.tokenOf(name));
    await client.mutation(api.users.ensure, {});
    return client;
  }

  /** What a page of this person is connected with; the test closes it. */
  page(name: string, claims: Record<string, unknown> = {}): ConvexReactClient {
    const client = new ConvexReactClient(this.deployment.url, {
      webSocketConstructor: WebSocket as unknown as typeof globalThis.WebSocket,
      logger: false,
      unsavedChangesWarning: false,
    });
    client.setAuth(() => this.tokenOf(name, claims));
    return client;
  }

  /** The worker claims what is due, which is this request alone. */
  async claim(requestId: Id<"requests">): Promise<Leased> {
    this.leases += 1;
    const token = `lease-${this.leases}`;
    const claimed = await this.worker.mutation(api.requests.claim, { ...WORKER, token });
    if (claimed?.request._id !== requestId) throw new Error("another request was due");
    return { requestId, token };
  }

  /** The worker calls, and somebody picks up. */
  async pickedUp(leased: Leased, to: string): Promise<OnCall> {
    const mediaTokenHash = `hash-${leased.token}`;
    const args = { ...leased, to, mediaTokenHash, workerId: WORKER.workerId };
    const { callId } = await this.worker.mutation(api.calls.begin, args);
    const callSid = `CA${leased.token}`;
    await this.worker.mutation(api.calls.dialed, { callId, token: leased.token, callSid });
    const status = { callId, callSid, status: "answered" as const, at: Date.now() };
    await this.worker.mutation(api.calls.carrierStatus, status);
    await this.worker.mutation(api.requests.setStage, { ...leased, stage: "talking" });
    return { ...leased, callId };
  }

  private tokenOf(name: string, claims: Record<string, unknown> = {}): Promise<string> {
    return this.issuer.sign(`person:${name}`, { ...FLOYD, claims: { name, ...claims } });
  }
}
