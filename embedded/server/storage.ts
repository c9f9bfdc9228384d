/**
 * Stored files over HTTP.
 *
 *   POST /api/storage/upload?token=   the file as body -> {"storageId"}; `Content-Type` is kept, `Digest: sha-256=<base64>`
 *                                     is checked if there is one
 *   GET, HEAD /api/storage/<uuid>     the file; `Range` (one range), `If-Range`, `If-None-Match`
 *
 * The uuid is what the URL's holder has to know; nobody is asked who they are. Any origin may fetch and upload. What
 * somebody uploaded can't act as a page of this deployment's origin: no guessing of types, and documents that can run
 * scripts get an origin of their own (`Content-Security-Policy: sandbox`).
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Deployment } from "../deployment.ts";
import { DigestError, type StoredFile } from "../storage/fileService.ts";
import { DROPPED_BYTES, HttpError } from "./body.ts";
import { type ByteRange, parseRange } from "./range.ts";

const PREFIX = "/api/storage/";
const UPLOAD = "upload";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const DIGEST = /^sha-256=([A-Za-z0-9+/]{43}=)$/i;
/** A sender may pause for so long. */
const PAUSE_DEADLINE_MS = 30_000;
/** And an upload may take so long in all, as in the Convex cloud. */
const UPLOAD_DEADLINE_MS = 2 * 60_000;
/** A reader must take something within this time. */
const READING_DEADLINE_MS = 60_000;
/** A file never changes under its URL. */
const CACHE_CONTROL = "private, max-age=2592000";
/** Types whose documents a browser runs no scripts of. */
const INERT =
  /^(?:image\/(?!svg)|audio\/|video\/|font\/|text\/plain|application\/(?:pdf|json|octet-stream|zip))/i;
const SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-downloads";
const LONGEST_CONTENT_TYPE = 1_000;
/** Functions and imports may give a file any type. */
const SENDABLE = /^[\x20-\x7e]{1,1000}$/;

export function isStoragePath(pathname: string): boolean {
  return pathname.startsWith(PREFIX);
}

/** Answers a request whose path is one of storage's; throws HttpError and StorageError before the head is sent. */
export async function answerStorage(
  deployment: Deployment,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const name = url.pathname.slice(PREFIX.length);
  if (name === UPLOAD && request.method === "POST") {
    const storageId = await upload(deployment, request, url.searchParams.get("token") ?? "");
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ storageId }));
    return;
  }
  if (name === UPLOAD || (request.method !== "GET" && request.method !== "HEAD")) {
    response.setHeader("allow", name === UPLOAD ? "POST, OPTIONS" : "GET, HEAD, OPTIONS");
    throw new HttpError(405, "MethodNotAllowed", `${request.method} is not possible with ${url.pathname}.`);
  }
  if (!UUID.test(name)) {
    throw new HttpError(
      400,
      "InvalidStoragePath",
      `Invalid storage path: ${JSON.stringify(name.slice(0, 100))}. Please use \`storage.getUrl(storageId)\` to generate a valid URL.`,
    );
  }
  const file = await deployment.files.find({ uuid: name });
  if (!file) throw new HttpError(404, "FileNotFound", `File ${name} not found`);
  await serve(request, response, file);
}

async function upload(deployment: Deployment, request: IncomingMessage, token: string): Promise<string> {
  const { files } = deployment;
  try {
    const verdict = await files.checkUpload(token);
    if (verdict === "invalid" || verdict === "expired") {
      const why = verdict === "expired" ? "has expired" : "is invalid";
      throw new HttpError(
        401,
        "InvalidStorageToken",
        `The upload URL's token ${why}; get a new URL from \`storage.generateUploadUrl()\`.`,
      );
    }
    const contentType = request.headers["content-type"] ?? null;
    if ((contentType?.length ?? 0) > LONGEST_CONTENT_TYPE) {
      throw new HttpError(400, "BadContentType", `Header "Content-Type" is too long.`);
    }
    const { digest } = request.headers;
    const sha256 = typeof digest === "string" ? (DIGEST.exec(digest)?.[1] ?? null) : null;
    if (digest !== undefined && sha256 === null) {
      throw new HttpError(400, "BadDigest", 'Header "Digest" must be "sha-256=" and the checksum in base64.');
    }
    await files.expectSpace(Number(request.headers["content-length"] ?? 0) || 0);
    return await files.store(verdict.component, arriving(request), { contentType, sha256 });
  } catch (error) {
    dropRest(request);
    if (error instanceof DigestError) throw new HttpError(400, "DigestMismatch", error.message);
    throw error;
  }
}

/** A client that still sends when it is answered may never see the answer, so some of the rest is taken and dropped. */
function dropRest(request: IncomingMessage): void {
  let dropped = 0;
  request.on("data", (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > DROPPED_BYTES) request.destroy();
  });
  request.on("error", () => {});
  request.resume();
}

/** The body of an upload as it arrives; throws when it doesn't. */
async function* arriving(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  const late = (what: string) => () => {
    request.destroy(new HttpError(408, "UploadTooSlow", `The upload ${what}.`));
  };
  const whole = setTimeout(late(`took more than ${UPLOAD_DEADLINE_MS / 1000}s`), UPLOAD_DEADLINE_MS);
  let pause = setTimeout(late(`paused for ${PAUSE_DEADLINE_MS / 1000}s`), PAUSE_DEADLINE_MS);
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      clearTimeout(pause);
      yield chunk as Buffer;
      pause = setTimeout(late(`paused for ${PAUSE_DEADLINE_MS / 1000}s`), PAUSE_DEADLINE_MS);
    }
    if (!request.complete) throw new Error("incomplete");
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, "BodyIncomplete", "The file did not arrive whole; nothing was stored.");
  } finally {
    clearTimeout(whole);
    clearTimeout(pause);
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, file: StoredFile): Promise<void> {
  const { size, sha256, contentType } = file;
  const etag = `"${sha256}"`;
  const type = SENDABLE.test(contentType ?? "") ? (contentType as string) : "application/octet-stream";
  const headers: Record<string, string> = {
    etag,
    "cache-control": CACHE_CONTROL,
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    digest: `sha-256=${sha256}`,
    ...(!INERT.test(type) && { "content-security-policy": SANDBOX }),
  };
  if (listed(request.headers["if-none-match"], etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  headers["content-type"] = type;
  const ifRange = request.headers["if-range"];
  const wanted = ifRange === undefined || ifRange === etag ? request.headers.range : undefined;
  const range = parseRange(wanted, size);
  if (range === "unsatisfiable") {
    response.setHeader("content-range", `bytes */${size}`);
    throw new HttpError(416, "RangeNotSatisfiable", `The file has ${size} bytes.`);
  }
  const part: ByteRange = range ?? { first: 0, last: size - 1 };
  if (range) headers["content-range"] = `bytes ${range.first}-${range.last}/${size}`;
  headers["content-length"] = String(part.last - part.first + 1);
  const status = range ? 206 : 200;
  if (request.method === "HEAD" || size === 0) {
    response.writeHead(status, headers).end();
    return;
  }
  // Opened before the head is sent: it may have been deleted since.
  let handle: FileHandle;
  try {
    handle = await open(file.path, "r");
  } catch {
    throw new HttpError(404, "FileNotFound", `File ${file.uuid} not found`);
  }
  response.writeHead(status, headers);
  response.setTimeout(READING_DEADLINE_MS, () => response.destroy());
  try {
    await pipeline(createReadStream("", { fd: handle, start: part.first, end: part.last }), response);
  } catch {
    // The client is gone, or the disk failed; what was sent ends without its end.
    response.destroy();
  }
}

function listed(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === "*" || header.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}
