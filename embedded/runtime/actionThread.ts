/**
 * The thread that runs actions and HTTP actions. It has the network and timers, and no database: what an action does
 * with `ctx.runQuery`, `ctx.runMutation`, `ctx.runAction` and `ctx.scheduler` is asked of the main thread.
 */
import { setInterval } from "node:timers";
import { MessagePort } from "node:worker_threads";
import { EMPTY_APP } from "../app.ts";
import {
  type Address,
  componentKey,
  DEPLOYMENT,
  functionAddress,
  functionHandle,
  originOf,
} from "../names.ts";
import { getBlob, storeBlob } from "../storage/actionStorage.ts";
import { STORAGE_SYSCALLS } from "../storage/storageSyscalls.ts";
import type { Json, JsonObject } from "../values/json.ts";
import {
  currentRun,
  installConsole,
  installConvexGlobal,
  LogBook,
  type Run,
  type Syscalls,
} from "./context.ts";
import { hideEnvironment } from "./environment.ts";
import { failure } from "./errors.ts";
import { findRoute, runHttpAction } from "./httpAction.ts";
import { type Loaded, loadApp } from "./loader.ts";
import type {
  ActionAbort,
  ActionAnswer,
  ActionAsk,
  ActionDone,
  ActionHead,
  ActionRequest,
  Call,
  HttpCall,
  HttpHead,
  Identity,
  Load,
  Origin,
  Outcome,
} from "./messages.ts";
import type { Pulse } from "./pulse.ts";

const BEAT_INTERVAL_MS = 500;

type Post = (message: ActionAsk | ActionDone | ActionHead, ports?: MessagePort[]) => void;

/** Errors of functions that an action called; `convex/server` makes a ConvexError of it if there is data. */
class AskError extends Error {
  data?: Json;
}

const asked = new Map<number, { resolve: (value: string) => void; reject: (error: Error) => void }>();
let lastAsk = 0;

function ask(
  post: Post,
  id: number,
  op: ActionAsk["op"],
  args: JsonObject,
  port?: MessagePort,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const number = ++lastAsk;
    asked.set(number, { resolve, reject });
    post({ id, ask: number, op, args, ...(port && { port }) }, port ? [port] : []);
  });
}

function answered({ answer, ok, value, data: errorData }: ActionAnswer): void {
  const waiting = asked.get(answer);
  asked.delete(answer);
  if (ok) {
    waiting?.resolve(value);
    return;
  }
  const error = new AskError(value);
  if (errorData !== undefined) error.data = errorData;
  waiting?.reject(error);
}

class ActionSyscalls implements Syscalls {
  private readonly post: Post;
  private readonly id: number;
  private readonly path: string;
  private readonly identity: Identity;

  private readonly component: string;

  private readonly origin: Origin;

  constructor(post: Post, id: number, { component, path }: Address, identity: Identity, origin: Origin) {
    this.origin = origin;
    this.component = component;
    this.post = post;
    this.id = id;
    this.path = path;
    this.identity = identity;
  }

  syscall(op: string): string {
    throw new Error(`Operation ${op} is not possible in an action; use ctx.runQuery or ctx.runMutation.`);
  }

  jsSyscall(op: string, args: Record<string, unknown>): unknown {
    const askFile = (fileOp: "storeBlob" | "findFile", rest: JsonObject, port?: MessagePort) =>
      ask(this.post, this.id, fileOp, { ...rest, component: this.component }, port);
    const options = args.options as { sha256?: unknown } | undefined;
    if (op === "storage/storeBlob") return storeBlob(askFile, args.blob, options?.sha256);
    if (op === "storage/getBlob") return getBlob(askFile, args.storageId);
    throw new Error(`Operation ${op} is not supported by this deployment.`);
  }

  async asyncSyscall(op: string, text: string): Promise<string> {
    const args = JSON.parse(text) as JsonObject;
    switch (op) {
      case "1.0/actions/query":
      case "1.0/actions/mutation":
      case "1.0/actions/action":
        return ask(this.post, this.id, op.slice("1.0/actions/".length) as "query", {
          ...functionAddress(args, this.component),
          args: args.args ?? {},
        });
      case "1.0/actions/schedule":
        return ask(this.post, this.id, "schedule", {
          ...functionAddress(args, this.component),
          args: args.args ?? {},
          atMs: Number(args.ts) * 1000,
        });
      case "1.0/actions/vectorSearch":
        return ask(this.post, this.id, "vectorSearch", {
          component: this.component,
          query: args.query ?? null,
        });
      case "1.0/actions/cancel_job":
        return ask(this.post, this.id, "cancel", { id: args.id ?? null });
      case "1.0/getUserIdentity":
        return this.identity.kind === "user" ? JSON.stringify(this.identity.attributes) : "null";
      case "1.0/createFunctionHandle":
        return JSON.stringify(functionHandle(functionAddress(args, this.component)));
      case "1.0/getRequestMetadata":
        return JSON.stringify(this.origin);
      case "1.0/getDeploymentMetadata":
        return JSON.stringify(DEPLOYMENT);
      case "1.0/getFunctionMetadata":
        return JSON.stringify({ name: this.path, componentPath: this.component });
      default:
        if (op.startsWith(STORAGE_SYSCALLS)) {
          return ask(this.post, this.id, "storage", { op, args, component: this.component });
        }
        throw new Error(`Operation ${op} is not supported by this deployment.`);
    }
  }
}

function scope(post: Post, request: ActionRequest, address: Address, identity: Identity, log: LogBook): Run {
  const origin = request.op === "http" ? request.http.origin : (request.call.origin ?? originOf());
  const syscalls = new ActionSyscalls(post, request.id, address, identity, origin);
  return { ...address, identity, requestId: request.requestId, syscalls, log, frozen: null };
}

async function runAction(
  loaded: Loaded,
  post: Post,
  request: ActionRequest,
  call: Call,
  log: LogBook,
): Promise<Outcome> {
  const { component = "", path } = call;
  const action = loaded.functions.get(componentKey(component, path));
  if (!action) throw new Error(`${path} is not loaded`);
  const run = scope(post, request, { component, path }, call.identity, log);
  const value = await currentRun.run(run, () =>
    action.invokeAction(request.requestId, JSON.stringify([call.args])),
  );
  return { ok: true, value };
}

/** The head is posted when there is one; resolves when the body has ended too. */
async function runHttp(
  loaded: Loaded,
  post: Post,
  request: ActionRequest,
  http: HttpCall,
  identity: Identity,
  log: LogBook,
): Promise<void> {
  const { id } = request;
  const sendHead = (head: HttpHead) =>
    post({ id, head }, head.body instanceof MessagePort ? [head.body] : []);
  const route = findRoute(loaded, http);
  if ("status" in route) {
    sendHead(route);
    return;
  }
  const gone = new AbortController();
  aborts.set(id, gone);
  try {
    await currentRun.run(
      scope(post, request, route, route.component === "" ? identity : { kind: "none" }, log),
      () => runHttpAction(route, http, gone.signal, sendHead),
    );
  } finally {
    aborts.delete(id);
  }
}

/** HTTP actions that run, for the news that their client is gone. */
const aborts = new Map<number, AbortController>();

async function handle(loaded: Loaded, post: Post, request: ActionRequest): Promise<void> {
  const log = new LogBook();
  try {
    if (request.op === "action") {
      const outcome = await runAction(loaded, post, request, request.call, log);
      post({ id: request.id, done: { outcome, logLines: log.lines } });
    } else {
      await runHttp(loaded, post, request, request.http, request.identity, log);
      post({ id: request.id, done: { outcome: { ok: true, value: "null" }, logLines: log.lines } });
    }
  } catch (error) {
    const outcome: Outcome = { ok: false, error: failure(error, request.requestId) };
    post({ id: request.id, done: { outcome, logLines: log.lines } });
  }
}

export async function start(port: MessagePort, pulse: Pulse, load: Load): Promise<void> {
  const post: Post = (message, ports = []) => port.postMessage(message, ports);
  setInterval(() => pulse.beat(), BEAT_INTERVAL_MS).unref();
  process.setSourceMapsEnabled(true);
  installConvexGlobal();
  installConsole();
  // A promise that a function forgot to await must not take the thread and its other actions down.
  process.on("unhandledRejection", (reason) => {
    currentRun.getStore()?.log.write("ERROR", ["Unhandled rejection:", reason]);
  });
  process.on("uncaughtException", (error) => {
    currentRun.getStore()?.log.write("ERROR", ["Uncaught exception:", error]);
  });
  const loaded = await loadApp(load.app ?? EMPTY_APP, load.env, true);
  hideEnvironment(loaded.analysis.tree);
  port.on("message", (message: ActionRequest | ActionAnswer | ActionAbort) => {
    if ("answer" in message) answered(message);
    else if ("abort" in message) aborts.get(message.abort)?.abort();
    else void handle(loaded, post, message);
  });
  port.postMessage({ ready: loaded.analysis });
}
