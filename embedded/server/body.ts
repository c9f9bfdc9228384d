/** Reading requests within limits, and the shape of errors that are not a function's. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { StorageError } from "../engine/errors.ts";
import { originOf } from "../names.ts";
import type { Origin } from "../runtime/messages.ts";
import { isObject, type JsonObject } from "../values/json.ts";

/** A request body must arrive within this time. */
const BODY_DEADLINE_MS = 30_000;
/** Of a body that is too large so much is read and dropped: a client that still sends when it is answered may never
 * see the answer. */
export const DROPPED_BYTES = 32 * 1024 * 1024;

/** An answer `{code, message}` with its HTTP status. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () =>
    new HttpError(413, "BodyTooLarge", `The request body is too large (limit: ${limit} bytes).`);
  if (Number(request.headers["content-length"] ?? 0) > limit + DROPPED_BYTES) throw tooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => request.destroy(), BODY_DEADLINE_MS);
  try {
    for await (const part of request) {
      size += (part as Buffer).length;
      if (size > limit + DROPPED_BYTES) throw tooLarge();
      if (size <= limit) parts.push(part as Buffer);
      else parts.length = 0;
    }
    if (size > limit) throw tooLarge();
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, "BodyIncomplete", "The request body did not arrive.");
  } finally {
    clearTimeout(timer);
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

export async function readJson(request: IncomingMessage, limit: number): Promise<JsonObject> {
  const body = await readBody(request, limit);
  return parseJsonObject(body.toString("utf8"), "The request body");
}

export function parseJsonObject(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpError(400, "BadJsonBody", `${what} must be JSON.`);
  }
  if (!isObject(value)) throw new HttpError(400, "BadJsonBody", `${what} must be a JSON object.`);
  return value as JsonObject;
}

/** What functions may ask of the request that they run for. */
export function requestOrigin(request: IncomingMessage): Origin {
  const { authorization = "" } = request.headers;
  return originOf({
    ip: request.socket.remoteAddress ?? null,
    userAgent: request.headers["user-agent"] ?? null,
    authToken: authorization.startsWith("Bearer ") ? authorization.slice("Bearer ".length) : null,
  });
}

/** The address that a request line asks for; null if it is none. */
export function parseUrl(request: IncomingMessage): URL | null {
  return URL.parse(`http://deployment${request.url?.startsWith("/") ? request.url : "/"}`);
}

/** What was sent already ends without its end. */
export function sendError(response: ServerResponse, error: unknown): void {
  const known =
    error instanceof HttpError
      ? error
      : error instanceof StorageError
        ? new HttpError(503, "StorageUnavailable", error.message)
        : new HttpError(500, "InternalServerError", String(error));
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response
    .writeHead(known.status, { "content-type": "application/json" })
    .end(JSON.stringify({ code: known.code, message: known.message }));
}
