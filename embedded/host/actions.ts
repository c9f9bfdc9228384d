/**
 * The main thread's side of the action thread, which is started with the first action: an app that runs none does
 * without its 20 MB, and the first one waits some 100 ms. An action that holds its
 * thread in a loop, or runs beyond the time limit, is ended; actions are never run twice.
 */
import { MessagePort, type Worker } from "node:worker_threads";
import { type App, EMPTY_APP, hasNodeModules } from "../app.ts";
import type { VectorQuery, VectorResult } from "../engine/search/vectorSearch.ts";
import { ACTION_STALL_MS, ACTION_TIME_MS, NODE_ACTION_TIME_MS } from "../limits.ts";
import { type Address, originOf } from "../names.ts";
import type {
  ActionAbort,
  ActionAnswer,
  ActionAsk,
  ActionDone,
  ActionHead,
  Analysis,
  Call,
  FunctionSpec,
  HttpCall,
  HttpHead,
  Identity,
  Load,
  Origin,
  Outcome,
} from "../runtime/messages.ts";
import { Pulse } from "../runtime/pulse.ts";
import type { StorageAsk } from "../storage/answerActions.ts";
import type { JsonObject } from "../values/json.ts";
import { startThread } from "./thread.ts";

const WATCH_INTERVAL_MS = 500;

type Done = ActionDone["done"];
type Answer = { outcome: Outcome };
/** What actions may ask of the deployment. */
export type ActionServices = {
  query(call: Call): Promise<Answer>;
  mutation(call: Call): Promise<Answer>;
  action(call: Call): Promise<Answer>;
  schedule(address: Address, args: JsonObject, atMs: number): Promise<string>;
  vectorSearch(component: string, query: VectorQuery): Promise<VectorResult[]>;
  cancel(id: string): Promise<void>;
  storage(component: string, asked: StorageAsk): Promise<string>;
};

type Running = {
  component: string;
  identity: Identity;
  origin: Origin;
  settle: (done: Done) => void;
  onHead?: (head: HttpHead) => void;
};

/** One thread; after a change of environment a new one takes the new actions, and this one ends with its last. */
class ActionThread {
  readonly analysis: Promise<Analysis>;
  readonly running = new Map<number, Running>();
  retired = false;
  private readonly worker: Worker;
  private readonly pulse = new Pulse();
  private beats = 0;
  private lastBeatMs = Date.now();
  private readonly watch: NodeJS.Timeout;
  private readonly onGone: () => void;

  constructor(app: App, env: Record<string, string>, services: () => ActionServices, onGone: () => void) {
    this.onGone = onGone;
    this.worker = startThread({ role: "action", pulse: this.pulse.buffer });
    this.worker.postMessage({ app, env, databaseFile: "", nodeFunctions: [] } satisfies Load);
    this.analysis = new Promise((resolve, reject) => {
      type Message = ActionDone | ActionAsk | ActionHead | { ready: Analysis } | { failed: string };
      this.worker.on("message", (message: Message) => {
        if ("ready" in message) resolve(message.ready);
        else if ("head" in message) this.running.get(message.id)?.onHead?.(message.head);
        else if ("failed" in message) {
          reject(new Error(message.failed));
          this.end(message.failed);
        } else if ("done" in message) this.settle(message.id, message.done);
        else void this.answer(message, services());
      });
      this.worker.on("error", (error) => {
        reject(error);
        this.end(`The action thread failed: ${error.message}`);
      });
      this.worker.on("exit", () => this.end("The action thread ended."));
    });
    this.analysis.catch(() => {});
    this.watch = setInterval(() => this.look(), WATCH_INTERVAL_MS);
    this.watch.unref();
  }

  post(id: number, message: object, running: Running, ports: MessagePort[] = []): void {
    this.running.set(id, running);
    this.worker.postMessage({ id, ...message }, ports);
  }

  abort(id: number): void {
    this.worker.postMessage({ abort: id } satisfies ActionAbort);
  }

  settle(id: number, done: Done): void {
    const running = this.running.get(id);
    this.running.delete(id);
    running?.settle(done);
    if (this.retired && this.running.size === 0) this.end("");
  }

  private look(): void {
    const beats = this.pulse.beats();
    if (beats !== this.beats || this.running.size === 0) {
      this.beats = beats;
      this.lastBeatMs = Date.now();
    } else if (Date.now() - this.lastBeatMs > ACTION_STALL_MS) {
      this.end(
        `Actions were ended because one held its thread for more than ${ACTION_STALL_MS / 1000}s without yielding. Look for an endless loop.`,
      );
    }
  }

  private async answer({ id, ask, op, args, port }: ActionAsk, services: ActionServices): Promise<void> {
    const running = this.running.get(id);
    const component = String(args.component ?? "");
    // Who is signed in is the app's business; its components are told what they need to know.
    const known = component === (running?.component ?? "") ? running?.identity : undefined;
    const identity = known ?? { kind: "none" as const };
    const call = {
      path: String(args.path),
      component,
      args: (args.args ?? {}) as JsonObject,
      identity,
      origin: running?.origin ?? originOf(),
    };
    let answer: ActionAnswer;
    try {
      if (op === "schedule") {
        const jobId = await services.schedule(call, call.args, Number(args.atMs));
        answer = { answer: ask, ok: true, value: JSON.stringify(jobId) };
      } else if (op === "storage" || op === "storeBlob" || op === "findFile") {
        answer = { answer: ask, ok: true, value: await services.storage(component, { op, args, port }) };
      } else if (op === "vectorSearch") {
        const results = await services.vectorSearch(component, args.query as unknown as VectorQuery);
        answer = { answer: ask, ok: true, value: JSON.stringify({ results }) };
      } else if (op === "cancel") {
        await services.cancel(String(args.id));
        answer = { answer: ask, ok: true, value: "null" };
      } else {
        const { outcome } = await services[op](call);
        answer = outcome.ok
          ? { answer: ask, ok: true, value: outcome.value }
          : { answer: ask, ok: false, value: plainMessage(outcome.error.message), ...dataOf(outcome.error) };
      }
    } catch (error) {
      answer = { answer: ask, ok: false, value: (error as Error).message };
    }
    this.worker.postMessage(answer);
  }

  end(reason: string): void {
    clearInterval(this.watch);
    const outcome: Outcome = { ok: false, error: { message: reason } };
    for (const [id, { settle }] of this.running) {
      this.running.delete(id);
      settle({ outcome, logLines: [] });
    }
    this.onGone();
    void this.worker.terminate();
  }

  async terminate(): Promise<void> {
    clearInterval(this.watch);
    await this.worker.terminate();
  }
}

/** Inside an action, the text of a failed call without the frame that outside callers see. */
function plainMessage(message: string): string {
  return (
    message
      .replace(/^\[Request ID: [0-9a-f]+\] Server Error\n/, "")
      .split("\n    at ")[0]
      ?.trimEnd() ?? message
  );
}

function dataOf(error: { data?: ActionAnswer["data"] }): Pick<ActionAnswer, "data"> {
  return error.data === undefined ? {} : { data: error.data };
}

export class ActionHost {
  services: ActionServices | null = null;
  private env: Record<string, string> = {};
  private thread: ActionThread | null = null;
  private readonly threads = new Set<ActionThread>();
  private lastId = 0;
  private app: App = EMPTY_APP;

  get hasNodeModules(): boolean {
    return hasNodeModules(this.app);
  }

  /** What actions from now on run; those that run go on with what they began with. */
  configure(app: App, env: Record<string, string>): void {
    this.app = app;
    this.env = env;
    const old = this.thread;
    this.thread = null;
    if (!old) return;
    old.retired = true;
    if (old.running.size === 0) old.end("");
  }

  /** What the "use node" modules hold. Throws when one fails to load. */
  async analyse(): Promise<FunctionSpec[]> {
    return (await this.current().analysis).functions;
  }

  private current(): ActionThread {
    if (this.thread) return this.thread;
    const thread = new ActionThread(
      this.app,
      this.env,
      () => this.services as ActionServices,
      () => {
        if (this.thread === thread) this.thread = null;
        this.threads.delete(thread);
      },
    );
    this.threads.add(thread);
    this.thread = thread;
    return thread;
  }

  run(call: Call, requestId: string, environment: "isolate" | "node"): Promise<Done> {
    const limit = environment === "node" ? NODE_ACTION_TIME_MS : ACTION_TIME_MS;
    return this.start(
      { op: "action", call, requestId },
      call.identity,
      call.origin ?? originOf(),
      limit,
      undefined,
      call.component,
    );
  }

  /** The head comes before the end, except when the action fails before it has answered. */
  http(
    http: HttpCall,
    identity: Identity,
    requestId: string,
    gone: AbortSignal,
    onHead: (head: HttpHead) => void,
  ): Promise<Done> {
    const ports = http.body instanceof MessagePort ? [http.body] : [];
    const message = { op: "http", http, identity, requestId };
    return this.start(message, identity, http.origin, ACTION_TIME_MS, { ports, gone, onHead });
  }

  private start(
    message: object,
    identity: Identity,
    origin: Origin,
    limitMs: number,
    stream?: { ports: MessagePort[]; gone: AbortSignal; onHead: (head: HttpHead) => void },
    component = "",
  ): Promise<Done> {
    const thread = this.current();
    const id = ++this.lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const error = { message: `Action execution timed out (maximum duration: ${limitMs / 1000}s)` };
        thread.settle(id, { outcome: { ok: false, error }, logLines: [] });
        if (stream) thread.abort(id);
      }, limitMs);
      const abort = () => thread.abort(id);
      const settle = (done: Done) => {
        clearTimeout(timer);
        stream?.gone.removeEventListener("abort", abort);
        resolve(done);
      };
      thread.post(
        id,
        message,
        { component, identity, origin, settle, ...(stream && { onHead: stream.onHead }) },
        stream?.ports,
      );
      stream?.gone.addEventListener("abort", abort);
    });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.threads].map((thread) => thread.terminate()));
  }
}
