/** Cross-origin headers: any origin may call, with credentials, since callers prove who they are by tokens. */
import type { IncomingMessage, ServerResponse } from "node:http";

const MAX_AGE_S = 86_400;

export function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  if (!origin) return;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-allow-credentials", "true");
  response.setHeader("vary", "origin");
}

export function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
  allowOrigin(request, response);
  const wanted = request.headers["access-control-request-headers"];
  if (wanted) response.setHeader("access-control-allow-headers", wanted);
  response.setHeader("access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS, PATCH, HEAD");
  response.setHeader("access-control-max-age", String(MAX_AGE_S));
  response.writeHead(200).end();
}
