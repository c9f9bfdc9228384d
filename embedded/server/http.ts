/**
 * The HTTP API of a deployment (docs.convex.dev, "HTTP APIs"), HTTP actions under `/http`, what the official command
 * line calls, and the upgrade to the sync protocol.
 *
 * A function's failure is HTTP 200 with `{"status": "error", ...}`; anything else that is wrong is a 4xx or 5xx with
 * `{"code", "message"}`. On a full disk it is 503: the call may be made again.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AuthError } from "../auth.ts";
import { INSTANCE_NAME } from "../dataFolder.ts";
import type { Deployment, Result } from "../deployment.ts";
import { StorageError } from "../engine/errors.ts";
import {
  MAX_ARGUMENT_BYTES,
  MAX_BATCH,
  MAX_ENV_VALUE_BYTES,
  MAX_ENV_VARIABLES,
  MAX_HTTP_BODY_BYTES,
} from "../limits.ts";
import { notFound, serverError } from "../names.ts";
import { decodeTs, encodeTs, type ProtocolError, parseArgs } from "../protocol/messages.ts";
import type { FunctionKind, Identity, Origin } from "../runtime/messages.ts";
import { isObject, type Json, type JsonObject, toCleanJson } from "../values/json.ts";
import {
  HttpError,
  parseJsonObject,
  parseUrl,
  readBody,
  readJson,
  requestOrigin,
  sendError,
} from "./body.ts";
import { allowOrigin, answerPreflight } from "./cors.ts";
import { answerDashboard, isDashboardPath } from "./dashboard.ts";
import { pushRoutes } from "./push.ts";
import { answerByAction } from "./site.ts";
import { answerStorage, isStoragePath } from "./storage.ts";
import { answerTransfer, isTransferPath } from "./transfer.ts";

export const VERSION = "embedded";
const ENV_NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,39}$/;
const RESERVED_ENV = new Set(["CONVEX_CLOUD_URL", "CONVEX_SITE_URL"]);

export type Handler = (request: IncomingMessage, url: URL, identity: Identity) => Promise<unknown>;

/** A result that is sent as it is, with its type. */
class Text {
  readonly text: string;
  readonly type: string;
  constructor(text: string, type = "text/plain; charset=utf-8") {
    this.text = text;
    this.type = type;
  }
}

export class HttpApi {
  private readonly deployment: Deployment;
  private readonly routes: Map<string, Handler>;

  constructor(deployment: Deployment) {
    this.deployment = deployment;
    const call = (kind: FunctionKind | "any"): Handler => {
      return async (request, _url, identity) => {
        const body = await readJson(request, MAX_ARGUMENT_BYTES);
        return this.call(kind, body.path, body.args, body.format, identity, {
          component: body.componentPath,
          origin: requestOrigin(request),
        });
      };
    };
    const setEnv: Handler = async (request, _url, identity) => {
      this.expectAdmin(identity);
      const changes = this.parseChanges(await readJson(request, MAX_HTTP_BODY_BYTES));
      try {
        await deployment.updateEnvironment(changes);
      } catch (error) {
        if (error instanceof StorageError) throw error;
        const names = changes.map(({ name }) => name).join(", ");
        throw new HttpError(
          400,
          "EnvironmentRejected",
          `${names} was not changed: the functions don't load with it. ${(error as Error).message}`,
        );
      }
      return new Text("null", "application/json");
    };
    this.routes = new Map<string, Handler>([
      ["GET /", async () => new Text("This Convex deployment is running.\n")],
      ["GET /version", async () => new Text(VERSION)],
      ["GET /instance_version", async () => new Text(VERSION)],
      ["GET /instance_name", async () => new Text(INSTANCE_NAME)],
      [
        "POST /echo",
        async (request) => new Text((await readBody(request, MAX_HTTP_BODY_BYTES)).toString("utf8")),
      ],
      ["POST /api/query", call("query")],
      ["POST /api/mutation", call("mutation")],
      ["POST /api/action", call("action")],
      ["POST /api/function", call("any")],
      ["GET /api/query", (_request, url, identity) => this.callFromUrl(url, identity)],
      ["POST /api/query_ts", async () => ({ ts: encodeTs(deployment.live.latestTs) })],
      ["POST /api/query_at_ts", (request, _url, identity) => this.queryAtTs(request, identity)],
      ["POST /api/query_batch", (request, _url, identity) => this.batch(request, identity)],
      ["POST /api/update_environment_variables", setEnv],
      ["POST /api/v1/update_environment_variables", setEnv],
      ["GET /api/stream_function_logs", (request, url, identity) => this.streamLogs(request, url, identity)],
      ["GET /api/v1/get_canonical_urls", async (_request, _url, identity) => this.canonicalUrls(identity)],
      ["GET /.well-known/jwks.json", () => deployment.database.call("jwks", {})],
      ...pushRoutes(deployment),
    ]);
  }

  /** Answers one request on the API port. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.answer(request, response);
    } catch (error) {
      sendError(response, error);
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = parseUrl(request);
    if (!url) throw new HttpError(400, "BadRequest", "The address can't be read.");
    if (request.method === "OPTIONS" && !url.pathname.startsWith("/http/")) {
      return answerPreflight(request, response);
    }
    if (url.pathname === "/http" || url.pathname.startsWith("/http/")) {
      return answerByAction(this.deployment, request, response, "/http");
    }
    allowOrigin(request, response);
    if (isDashboardPath(url.pathname)) return answerDashboard(url.pathname, response);
    if (isStoragePath(url.pathname)) return answerStorage(this.deployment, request, response, url);
    const identity = await this.identify(request);
    if (isTransferPath(url.pathname)) {
      this.expectAdmin(identity);
      return answerTransfer(this.deployment, request, response, url);
    }
    const handler = this.routes.get(`${request.method} ${url.pathname}`) ?? this.runRoute(request, url);
    if (!handler) throw new HttpError(404, "NotFound", `There is no ${request.method} ${url.pathname} here.`);
    const answer = await handler(request, url, identity);
    const { text, type } =
      answer instanceof Text ? answer : { text: JSON.stringify(answer), type: "application/json" };
    response.writeHead(200, { "content-type": type }).end(text);
  }

  private async identify(request: IncomingMessage): Promise<Identity> {
    try {
      return (await this.deployment.auth.fromHeader(request.headers.authorization)).identity;
    } catch (error) {
      if (error instanceof AuthError) throw new HttpError(401, "Unauthenticated", error.message);
      throw error;
    }
  }

  expectAdmin(identity: Identity): void {
    if (identity.kind !== "admin") {
      throw new HttpError(403, "Forbidden", "This needs the admin key: Authorization: Convex <admin key>.");
    }
  }

  /** `POST /api/run/dir/file/function`. */
  private runRoute(request: IncomingMessage, url: URL): Handler | null {
    if (request.method !== "POST" || !url.pathname.startsWith("/api/run/")) return null;
    return async (_request, _url, identity) => {
      const parts = decodePath(url.pathname.slice("/api/run/".length)).split("/");
      const body = await readJson(request, MAX_ARGUMENT_BYTES);
      const colon = parts.at(-1)?.includes(":");
      const path = colon ? parts.join("/") : `${parts.slice(0, -1).join("/")}:${parts.at(-1)}`;
      return this.call("any", path, body.args, body.format ?? "json", identity, {
        origin: requestOrigin(request),
      });
    };
  }

  /** A query as of a timestamp that `query_ts` gave. No older data is kept: it is refused once that has changed. */
  private async queryAtTs(request: IncomingMessage, identity: Identity): Promise<unknown> {
    const { path, args, format, ts } = await readJson(request, MAX_ARGUMENT_BYTES);
    let asOf: bigint;
    try {
      asOf = decodeTs(String(ts));
    } catch {
      throw new HttpError(400, "BadRequest", 'Field "ts" must be a timestamp that POST /api/query_ts gave.');
    }
    if (asOf > this.deployment.live.latestTs) {
      throw new HttpError(400, "TimestampInFuture", 'Field "ts" is later than the newest data.');
    }
    return this.call("query", path, args, format, identity, { asOf });
  }

  private async callFromUrl(url: URL, identity: Identity): Promise<unknown> {
    const args = parseJsonObject(url.searchParams.get("args") ?? "{}", 'The query parameter "args"');
    return this.call(
      "query",
      url.searchParams.get("path"),
      args,
      url.searchParams.get("format") ?? "json",
      identity,
    );
  }

  private async batch(request: IncomingMessage, identity: Identity): Promise<unknown> {
    const { queries } = await readJson(request, MAX_ARGUMENT_BYTES);
    if (!Array.isArray(queries)) throw new HttpError(400, "BadRequest", 'Field "queries" must be an array.');
    if (queries.length > MAX_BATCH) {
      throw new HttpError(400, "BadRequest", `Field "queries" may hold at most ${MAX_BATCH} queries.`);
    }
    const results = [];
    for (const query of queries) {
      if (!isObject(query)) throw new HttpError(400, "BadRequest", 'Field "queries" must hold objects.');
      const { path, args, format } = query as JsonObject;
      results.push(await this.call("query", path, args, format, identity));
    }
    return { results };
  }

  private async call(
    kind: FunctionKind | "any",
    path: unknown,
    rawArgs: Json | undefined,
    format: unknown,
    identity: Identity,
    more: { component?: Json | undefined; asOf?: bigint; origin?: Origin } = {},
  ): Promise<unknown> {
    const { asOf, origin } = more;
    const component = typeof more.component === "string" ? more.component : "";
    if (typeof path !== "string" || path === "") {
      throw new HttpError(
        400,
        "BadRequest",
        'Field "path" must be the name of a function, such as "messages:list".',
      );
    }
    if (format !== undefined && format !== null && format !== "json" && format !== "convex_encoded_json") {
      throw new HttpError(400, "BadRequest", 'Field "format" must be "json" or "convex_encoded_json".');
    }
    let args: JsonObject;
    try {
      args = parseArgs(rawArgs);
    } catch (error) {
      throw new HttpError(400, "BadRequest", (error as ProtocolError).message);
    }
    const wanted =
      kind === "any"
        ? path.startsWith("_system/")
          ? "query"
          : this.deployment.find(path, component)?.kind
        : kind;
    const refusal = this.deployment.refusal(path, wanted ?? "query", identity, component);
    if (!wanted || refusal !== null) {
      return { status: "error", errorMessage: serverError(refusal ?? notFound(path)), logLines: [] };
    }
    const call = { path, component, args, identity, ...(origin && { origin }) };
    const result = await (wanted === "query"
      ? this.deployment.query(call, "HttpApi", asOf)
      : this.deployment[wanted](call, "HttpApi"));
    if ("changed" in result && result.changed) {
      throw new HttpError(
        400,
        "TimestampTooOld",
        "What this query reads has been changed since that timestamp, and no older data is kept. Ask for a new one with POST /api/query_ts.",
      );
    }
    if (result.unavailable && !result.outcome.ok) throw new StorageError(result.outcome.error.message);
    return render(result, format !== "convex_encoded_json");
  }

  private parseChanges(body: JsonObject): { name: string; value: string | null }[] {
    const { changes } = body;
    if (!Array.isArray(changes))
      throw new HttpError(400, "BadRequest", 'Field "changes" must be an array of {name, value}.');
    if (changes.length + this.deployment.countEnvironment() > MAX_ENV_VARIABLES) {
      throw new HttpError(
        400,
        "TooManyEnvVars",
        `At most ${MAX_ENV_VARIABLES} environment variables are allowed.`,
      );
    }
    return changes.map((change) => {
      const { name, value } = (isObject(change) ? change : {}) as JsonObject;
      if (typeof name !== "string" || !ENV_NAME.test(name)) {
        throw new HttpError(
          400,
          "InvalidEnvVarName",
          `Field "name": ${JSON.stringify(name)} is no name for an environment variable; use letters, digits and underscores, at most 40.`,
        );
      }
      if (RESERVED_ENV.has(name)) {
        throw new HttpError(
          400,
          "EnvVarNameForbidden",
          `Field "name": ${name} is set by the deployment itself.`,
        );
      }
      if (value === null || value === undefined) return { name, value: null };
      if (typeof value !== "string" || Buffer.byteLength(value) > MAX_ENV_VALUE_BYTES) {
        throw new HttpError(
          400,
          "EnvVarTooLarge",
          `Field "value" of ${name} must be text of at most ${MAX_ENV_VALUE_BYTES} bytes.`,
        );
      }
      return { name, value };
    });
  }

  private async streamLogs(request: IncomingMessage, url: URL, identity: Identity): Promise<unknown> {
    this.expectAdmin(identity);
    const cursor = Number(url.searchParams.get("cursor") ?? 0);
    if (!Number.isFinite(cursor))
      throw new HttpError(400, "BadRequest", 'Query parameter "cursor" must be a number.');
    const closed = new AbortController();
    request.socket.once("close", () => closed.abort());
    return this.deployment.logs.poll(cursor, closed.signal);
  }

  private canonicalUrls(identity: Identity): unknown {
    this.expectAdmin(identity);
    return {
      convexCloudUrl: this.deployment.environmentVariable("CONVEX_CLOUD_URL"),
      convexSiteUrl: this.deployment.environmentVariable("CONVEX_SITE_URL"),
    };
  }
}

function decodePath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpError(400, "BadRequest", "The function's path is not well encoded.");
  }
}

function render({ outcome, logLines }: Result, clean: boolean): unknown {
  if (outcome.ok) {
    const value = JSON.parse(outcome.value) as Json;
    return { status: "success", value: clean ? toCleanJson(value) : value, logLines };
  }
  const { message, data } = outcome.error;
  const errorData = data === undefined ? {} : { errorData: clean ? toCleanJson(data) : data };
  return { status: "error", errorMessage: message, ...errorData, logLines };
}
