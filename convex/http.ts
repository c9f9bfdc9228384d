/**
 * `POST /requests`: file a request with a bearer token.
 *
 *   {"text": "...", "to"?: "+1...", "idempotencyKey"?: "..."}  ->  201 {"requestId": "..."}
 *
 * What is wrong comes back as `{"code", "message", "field"?}`: 400 for the content, 401 without a valid token,
 * 403 for a worker's, 413 for a body over MAX_BODY_BYTES. Browsers may call from anywhere: there are no cookies, the
 * token is the permission.
 */
import { httpRouter } from "convex/server";
import { api } from "./_generated/api";
import { httpAction } from "./_generated/server";
import { type Failure, failureOf } from "./errors";

/** The longest request in 4-byte characters, every one of them escaped in JSON, and the key. */
const MAX_BODY_BYTES = 64 * 1024;

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "POST, OPTIONS",
  "Access-Control-Allow-Headers": "Authorization, Content-Type",
  "Access-Control-Max-Age": "86400",
};

const STATUS: Record<Failure["code"], number> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  BAD_INPUT: 400,
  POLICY_BLOCKED: 400,
  LEASE_LOST: 409,
  CONFLICT: 409,
};

const http = httpRouter();

http.route({
  path: "/requests",
  method: "POST",
  handler: httpAction(async (ctx, request) => {
    try {
      const identity = await ctx.auth.getUserIdentity();
      if (identity === null) return refused(NO_TOKEN);
    } catch {
      // Some deployments throw at a token that does not verify, others give no identity.
      return refused(NO_TOKEN);
    }
    const body = await boundedText(request);
    if (body === null) {
      const message = `The body is larger than ${MAX_BODY_BYTES} bytes: shorten \`text\``;
      return json(413, { code: "BAD_INPUT", message, field: "text" });
    }
    const fields = requestFields(body);
    if ("code" in fields) return refused(fields);
    try {
      // A token may be all that a script has: this may be its owner's first sign-in.
      await ctx.runMutation(api.users.ensure, {});
      return json(201, { requestId: await ctx.runMutation(api.requests.create, fields) });
    } catch (error) {
      const failure = failureOf(error);
      if (failure === null) throw error;
      return refused(failure);
    }
  }),
});

http.route({
  path: "/requests",
  method: "OPTIONS",
  handler: httpAction(async () => new Response(null, { status: 204, headers: CORS })),
});

const NO_TOKEN: Failure = {
  code: "UNAUTHENTICATED",
  message: "Send `Authorization: Bearer <token>` with a valid token (`floyd token` makes one)",
};

function json(status: number, body: Failure | { requestId: string }): Response {
  const headers = { ...CORS, "Content-Type": "application/json" };
  return new Response(JSON.stringify(body), { status, headers });
}

function refused(failure: Failure): Response {
  return json(STATUS[failure.code], failure);
}

/** The body, or null if it is too large; what is too large is not read to its end. */
async function boundedText(request: Request): Promise<string | null> {
  if (Number(request.headers.get("Content-Length") ?? 0) > MAX_BODY_BYTES) return null;
  if (request.body === null) return "";
  const reader = request.body.getReader();
  const decoder = new TextDecoder();
  let size = 0;
  let body = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return body + decoder.decode();
    size += value.byteLength;
    if (size > MAX_BODY_BYTES) {
      await reader.cancel();
      return null;
    }
    body += decoder.decode(value, { stream: true });
  }
}

type RequestFields = { text: string; to?: string; idempotencyKey?: string };

function requestFields(body: string): RequestFields | Failure {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    return { code: "BAD_INPUT", message: 'The body is not JSON: send {"text": "..."}', field: "body" };
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return { code: "BAD_INPUT", message: 'The body must be an object: {"text": "..."}', field: "body" };
  }
  const { text, to, idempotencyKey, ...others } = given as Record<string, unknown>;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) {
    const message = "There is no such field: send `text`, and perhaps `to` and `idempotencyKey`";
    return { code: "BAD_INPUT", message, field: unknown.slice(0, 50) };
  }
  if (typeof text !== "string") return notText("text");
  if (to !== undefined && typeof to !== "string") return notText("to");
  if (idempotencyKey !== undefined && typeof idempotencyKey !== "string") return notText("idempotencyKey");
  return { text, to, idempotencyKey };
}

function notText(field: string): Failure {
  return { code: "BAD_INPUT", message: `\`${field}\` must be a string`, field };
}

export default http;
