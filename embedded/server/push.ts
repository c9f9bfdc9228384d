/**
 * What `npx convex dev | deploy | codegen` calls: `get_config_hashes` and `deploy2/*`. Bodies are JSON, most of them
 * compressed with brotli, and carry the admin key (npm `convex`, `src/cli/lib/deploy2.ts`).
 */
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import type { Deployment } from "../deployment.ts";
import { MAX_PUSH_BYTES } from "../limits.ts";
import { PushError } from "../push/request.ts";
import type { Identity } from "../runtime/messages.ts";
import type { JsonObject } from "../values/json.ts";
import { HttpError, parseJsonObject, readBody } from "./body.ts";
import type { Handler } from "./http.ts";

const unbrotli = promisify(brotliDecompress);

async function readPushBody(request: IncomingMessage): Promise<JsonObject> {
  const raw = await readBody(request, MAX_PUSH_BYTES);
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "br" && encoding !== "identity") {
    throw new HttpError(415, "UnsupportedEncoding", `Content-Encoding "${encoding}" is not known; use "br".`);
  }
  let body = raw;
  if (encoding === "br") {
    body = await unbrotli(raw, { maxOutputLength: MAX_PUSH_BYTES }).catch((error: { code?: string }) => {
      if (error.code === "ERR_BUFFER_TOO_LARGE") {
        throw new HttpError(413, "ModulesTooLarge", `The push is larger than ${MAX_PUSH_BYTES} bytes.`);
      }
      throw new HttpError(400, "BadBody", "The request body is not compressed with brotli, as it says.");
    });
  }
  return parseJsonObject(body.toString("utf8"), "The request body");
}

export function pushRoutes(deployment: Deployment): [string, Handler][] {
  const route = (work: (body: JsonObject) => unknown): Handler => {
    return async (request: IncomingMessage, _url: URL, identity: Identity) => {
      // Whoever has no key sends no 64 MiB.
      const admin = identity.kind === "admin";
      const body = admin ? await readPushBody(request) : {};
      if (!admin) {
        throw new HttpError(403, "Forbidden", "This needs the admin key: Authorization: Convex <admin key>.");
      }
      try {
        return await work(body);
      } catch (error) {
        if (error instanceof PushError) throw new HttpError(400, error.code, error.message);
        throw error;
      }
    };
  };
  const { pushes } = deployment;
  return [
    ["POST /api/get_config_hashes", route(() => pushes.configHashes())],
    ["POST /api/deploy2/start_push", route((body) => pushes.start(body))],
    ["POST /api/deploy2/evaluate_push", route((body) => pushes.evaluate(body))],
    ["POST /api/deploy2/evaluate_schema", route((body) => pushes.evaluateSchema(body))],
    ["POST /api/deploy2/wait_for_schema", route((body) => pushes.waitForSchema(body))],
    ["POST /api/deploy2/finish_push", route((body) => pushes.finish(body))],
    ["POST /api/deploy2/report_push_completed", route(() => null)],
  ];
}
