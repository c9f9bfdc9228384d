/**
 * Runs an HTTP action in the action thread: finds its route, gives it a Request whose body streams in, and sends the
 * head of its Response as soon as there is one, with a body that streams out while the function may still be writing.
 */
import { setImmediate } from "node:timers";
import { MessageChannel } from "node:worker_threads";
import { MAX_HTTP_BODY_BYTES } from "../limits.ts";
import { BodyReceiver, BodySender } from "./bodyPipe.ts";
import type { Component } from "./components.ts";
import type { HttpEndpoint, Loaded } from "./loader.ts";
import type { HttpCall, HttpHead } from "./messages.ts";

/** A body that is complete at once, and no larger, travels with the head. */
const SMALL_BODY_BYTES = 64 * 1024;

/** `component` is the one whose route it is. */
export type Route = { endpoint: HttpEndpoint; path: string; component: string };

/** The route of a call, or the answer that there is none. */
export function findRoute(loaded: Loaded, http: HttpCall): Route | HttpHead {
  const path = new URL(http.url).pathname;
  const { component, inside } = mounted(loaded.analysis.tree, path);
  const router = loaded.routers.get(component.path) ?? null;
  const found = router?.lookup(inside, http.method);
  if (found) return { endpoint: found[0], path: found[2], component: component.path };
  const text = router
    ? `No matching routes found for ${http.method} ${path}.`
    : "This Convex deployment does not have HTTP actions enabled.";
  return {
    status: 404,
    headers: [["content-type", "text/plain; charset=utf-8"]],
    body: Buffer.from(text),
    route: path,
  };
}

/** The component that answers under a path, and the path as its own router knows it. */
function mounted(component: Component, path: string): { component: Component; inside: string } {
  for (const [prefix, name] of Object.entries(component.httpMounts)) {
    const child = component.children[name];
    if (child && path.startsWith(prefix)) return mounted(child, `/${path.slice(prefix.length)}`);
  }
  return { component, inside: path };
}

/** Resolves when the whole body has been sent or isn't wanted any more. Throws what the function throws. */
export async function runHttpAction(
  { endpoint, path }: Route,
  http: HttpCall,
  gone: AbortSignal,
  sendHead: (head: HttpHead) => void,
): Promise<void> {
  const response = await endpoint.invokeHttpAction(requestOf(http, gone));
  if (!(response instanceof Response)) throw new Error(`The HTTP action at ${path} must return a Response.`);
  if (response.status < 200) throw new Error(`The HTTP action at ${path} returned a network error.`);
  const head = { status: response.status, headers: [...response.headers], route: path };
  if (!response.body || http.method === "HEAD") {
    await response.body?.cancel();
    sendHead({ ...head, body: null });
    return;
  }
  const reader = response.body.getReader() as ReadableStreamDefaultReader<unknown>;
  const { early, next } = await readEarly(reader);
  if (!next) {
    sendHead({ ...head, body: Buffer.concat(early) });
    return;
  }
  const { port1, port2 } = new MessageChannel();
  const sender = new BodySender(port1);
  sendHead({ ...head, body: port2 });
  await send(sender, reader, early, next, gone);
}

function requestOf(http: HttpCall, signal: AbortSignal): Request {
  const { method, headers } = http;
  const body = method === "GET" || method === "HEAD" ? null : http.body;
  const init: RequestInit =
    !body || body instanceof Uint8Array
      ? { method, headers, body: body ? Buffer.from(body) : null }
      : ({ method, headers, body: new BodyReceiver(body).stream(), duplex: "half" } as RequestInit);
  const request = new Request(http.url, init);
  // Its own signal would only follow this one, and is forgotten, with its listeners, when memory is collected.
  Object.defineProperty(request, "signal", { value: signal });
  return request;
}

type Read = Promise<ReadableStreamReadResult<unknown>>;

/** What of a body is there without waiting; `next` is the read that comes after it, null at the end of the body. */
async function readEarly(
  reader: ReadableStreamDefaultReader<unknown>,
): Promise<{ early: Uint8Array[]; next: Read | null }> {
  const early: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const next = reader.read();
    // An error that comes before somebody waits for it is told later.
    next.catch(() => {});
    const waited = new Promise<null>((resolve) => setImmediate(() => resolve(null)));
    const got = size > SMALL_BODY_BYTES ? null : await Promise.race([next, waited]);
    if (got === null) return { early, next };
    if (got.done) return { early, next: null };
    early.push(bytesOf(got.value));
    size += bytesOf(got.value).length;
  }
}

async function send(
  sender: BodySender,
  reader: ReadableStreamDefaultReader<unknown>,
  early: Uint8Array[],
  first: Read,
  gone: AbortSignal,
): Promise<void> {
  let size = 0;
  const push = (chunk: Uint8Array): boolean => {
    size += chunk.length;
    if (size > MAX_HTTP_BODY_BYTES) {
      throw new Error(
        `The body of an HTTP action's response is too large (limit: ${MAX_HTTP_BODY_BYTES} bytes).`,
      );
    }
    return sender.push(chunk);
  };
  const signals = [sender.unwanted, gone];
  for (const signal of signals) {
    signal.addEventListener("abort", () => void reader.cancel("The client is gone.").catch(() => {}));
  }
  try {
    for (const chunk of early) push(chunk);
    for (let read = first; ; read = reader.read()) {
      const { done, value } = await read;
      if (signals.some((signal) => signal.aborted)) return sender.fail("The HTTP action was ended.");
      if (done) break;
      if (!push(bytesOf(value))) await sender.room();
    }
    sender.end();
  } catch (error) {
    sender.fail(String(error));
    await reader.cancel().catch(() => {});
    throw error;
  }
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError(
    "Received non-Uint8Array chunk in the body of a Response; encode text with TextEncoder or TextEncoderStream.",
  );
}
