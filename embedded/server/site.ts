/**
 * HTTP actions: any method and path on the site port, or under `/http` on the API port, answered by the app's router.
 *
 * Bodies stream both ways, with backpressure down to the sockets; either may hold MAX_HTTP_BODY_BYTES. Before there is
 * a head, what goes wrong is an answer `{"code", "message"}`; afterwards the connection ends without the body's end,
 * so that no client takes half a body for a whole one. CORS is the app's business, OPTIONS too.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { MessageChannel, MessagePort } from "node:worker_threads";
import type { Deployment } from "../deployment.ts";
import { MAX_HTTP_BODY_BYTES } from "../limits.ts";
import { BodyReceiver, BodySender } from "../runtime/bodyPipe.ts";
import type { HttpCall, HttpHead } from "../runtime/messages.ts";
import { DROPPED_BYTES, HttpError, parseUrl, readBody, requestOrigin, sendError } from "./body.ts";

/** A body known to be no larger is read before the action is called, which is quicker than a stream. */
const SMALL_BODY_BYTES = 64 * 1024;
/** A client that sends a body, and is being listened to, may pause for so long. */
const SENDING_DEADLINE_MS = 30_000;
/** A client that has been sent something must take some of it within this time. */
const READING_DEADLINE_MS = 60_000;

/** Headers of one connection, not of the message. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"]);
const NOT_PASSED_IN = new Set([...HOP_BY_HOP, "content-length", "host"]);

/** Answers one request by an HTTP action; `under` is the part of the path that is not the app's. Never rejects. */
export async function answerByAction(
  deployment: Deployment,
  request: IncomingMessage,
  response: ServerResponse,
  under = "",
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    const url = parseUrl(request);
    if (!url) throw new HttpError(400, "BadRequest", "The address can't be read.");
    // Token problems are the HTTP action's business: it may be a webhook with a scheme of its own.
    const { identity } = await deployment.auth
      .fromHeader(request.headers.authorization)
      .catch(() => ({ identity: { kind: "none" } as const }));
    const body = await openBody(request, gone.signal);
    const base = deployment.environmentVariable("CONVEX_SITE_URL") ?? "http://deployment";
    const call: HttpCall = {
      origin: requestOrigin(request),
      method: request.method ?? "GET",
      url: base + (url.pathname.slice(under.length) || "/") + url.search,
      headers: headersOf(request),
      body: body.content,
    };
    const caller = identity.kind === "admin" ? ({ kind: "none" } as const) : identity;
    const head = await Promise.race([deployment.http(call, caller, gone.signal), body.broken]);
    await answer(response, head, gone.signal);
  } catch (error) {
    sendError(response, error);
  }
}

function headersOf(request: IncomingMessage): [string, string][] {
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] as string;
    if (!NOT_PASSED_IN.has(name.toLowerCase())) headers.push([name, request.rawHeaders[i + 1] as string]);
  }
  return headers;
}

/** The body for the action; `broken` rejects if it doesn't come whole, and never resolves. */
type Body = { content: HttpCall["body"]; broken: Promise<never> };

async function openBody(request: IncomingMessage, gone: AbortSignal): Promise<Body> {
  const never = new Promise<never>(() => {});
  const length = Number(request.headers["content-length"] ?? 0);
  const streams = request.headers["transfer-encoding"] !== undefined || length > SMALL_BODY_BYTES;
  if (!streams || length > MAX_HTTP_BODY_BYTES) {
    const body = await readBody(request, MAX_HTTP_BODY_BYTES);
    return { content: body.length === 0 ? null : body, broken: never };
  }
  const { port1, port2 } = new MessageChannel();
  const broken = passOn(request, new BodySender(port1), gone);
  broken.catch(() => {});
  return { content: port2, broken };
}

/**
 * Passes what arrives on, at the pace at which the action takes it, until it has been answered. Rejects when the body
 * is broken.
 */
function passOn(request: IncomingMessage, sender: BodySender, answered: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    let size = 0;
    let done = false;
    const drop = (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_HTTP_BODY_BYTES + DROPPED_BYTES) request.destroy();
    };
    const finish = (error: HttpError | null) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      request.removeListener("data", take);
      // The rest is read and dropped, so that the client gets to the answer, and to its next request.
      request.on("data", drop).resume();
      if (!error) return;
      sender.fail(error.message);
      reject(error);
    };
    const incomplete = () => finish(new HttpError(400, "BodyIncomplete", "The request body did not arrive."));
    const late = () => {
      incomplete();
      request.destroy();
    };
    let timer = setTimeout(late, SENDING_DEADLINE_MS);
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_HTTP_BODY_BYTES) {
        const text = `The request body is too large (limit: ${MAX_HTTP_BODY_BYTES} bytes).`;
        finish(new HttpError(413, "BodyTooLarge", text));
        return;
      }
      timer.refresh();
      if (sender.push(chunk)) return;
      request.pause();
      clearTimeout(timer);
      void sender.room().then(() => {
        if (done) return;
        timer = setTimeout(late, SENDING_DEADLINE_MS);
        request.resume();
      });
    };
    sender.unwanted.addEventListener("abort", () => finish(null));
    answered.addEventListener("abort", incomplete);
    request.on("data", take);
    request.once("end", () => {
      if (done) return;
      sender.end();
      finish(null);
    });
    request.once("error", incomplete);
    request.once("close", incomplete);
  });
}

async function answer(response: ServerResponse, head: HttpHead, gone: AbortSignal): Promise<void> {
  for (const [name, value] of head.headers) {
    if (!HOP_BY_HOP.has(name)) response.appendHeader(name, value);
  }
  const { body } = head;
  if (!(body instanceof MessagePort)) {
    // The length is known, whatever the function said of it.
    const bodiless = response.req.method === "HEAD" || head.status === 204 || head.status === 304;
    if (!bodiless) response.setHeader("content-length", body?.length ?? 0);
    response.writeHead(head.status).end(body ?? undefined);
    return;
  }
  // A length that the function announced and doesn't keep to is an error, before the client is misled.
  response.strictContentLength = true;
  response.writeHead(head.status);
  response.flushHeaders();
  const receiver = new BodyReceiver(body);
  const stop = () => receiver.cancel();
  if (gone.aborted) stop();
  gone.addEventListener("abort", stop);
  for await (const chunk of receiver) {
    if (response.write(chunk)) continue;
    const deadline = setTimeout(() => response.destroy(), READING_DEADLINE_MS);
    try {
      await once(response, "drain", { signal: gone });
    } finally {
      clearTimeout(deadline);
    }
  }
  response.end();
}
