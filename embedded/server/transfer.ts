/** What `npx convex import` and `npx convex export` call (npm `convex`, `src/cli/lib/convexImport.ts`, `convexExport.ts`). */
import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Deployment } from "../deployment.ts";
import { MAX_ARGUMENT_BYTES } from "../limits.ts";
import { TransferError } from "../transfer/transfers.ts";
import { HttpError, readJson } from "./body.ts";

const EXPORT = "/api/export/zip/";

export function isTransferPath(pathname: string): boolean {
  return (
    pathname.startsWith("/api/import/") ||
    pathname.startsWith("/api/export/") ||
    pathname === "/api/perform_import" ||
    pathname === "/api/cancel_import"
  );
}

/** For holders of the admin key; the caller checks that. */
export async function answerTransfer(
  deployment: Deployment,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  try {
    const answer = await route(deployment, request, response, url);
    if (answer === STREAMED) return;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer ?? null));
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    throw new HttpError(400, error.code, error.message);
  }
}

const STREAMED = Symbol("streamed");

async function route(
  { transfers }: Deployment,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<unknown> {
  const query = (name: string) => url.searchParams.get(name) ?? "";
  if (request.method === "GET" && url.pathname.startsWith(EXPORT)) {
    const file = transfers.exported(url.pathname.slice(EXPORT.length));
    if (file === null)
      throw new HttpError(404, "ExportNotFound", "There is no such export any more; make a new one.");
    response.writeHead(200, { "content-type": "application/zip" });
    await pipeline(createReadStream(file), response);
    return STREAMED;
  }
  switch (`${request.method} ${url.pathname}`) {
    case "POST /api/import/start_upload":
      return transfers.startUpload();
    case "POST /api/import/upload_part":
      return transfers.uploadPart(query("uploadToken"), Number(query("partNumber")), request);
    case "POST /api/import/finish_upload":
      return transfers.finishUpload(await readJson(request, MAX_ARGUMENT_BYTES));
    case "POST /api/perform_import":
      return transfers.perform((await readJson(request, MAX_ARGUMENT_BYTES)).importId);
    case "POST /api/cancel_import":
      return transfers.cancel((await readJson(request, MAX_ARGUMENT_BYTES)).importId);
    case "POST /api/export/request/zip":
      return transfers.requestExport(query("includeStorage") === "true");
    default:
      throw new HttpError(404, "NotFound", `There is no ${request.method} ${url.pathname} here.`);
  }
}
