/**
 * The sync protocol: JSON text frames on a WebSocket at `/api/sync` or `/api/<npm version>/sync`.
 * Source: npm `convex`, `src/browser/sync/protocol.ts`.
 *
 * The client speaks first (Connect), then sends its identity (Authenticate), its queries (ModifyQuerySet) and calls
 * (Mutation, Action). The server answers with Transitions from one version of the client's view to the next; a
 * version is {querySet, identity, ts}, where the first two count the client's own modifications and ts is the
 * timestamp of the data. Rules that clients rely on:
 *
 *   - a Transition starts at exactly the version that the one before it ended at; a socket begins at {0, 0, 0}
 *   - all queries of a Transition are true at its end timestamp
 *   - a mutation is complete for its caller when a Transition with ts >= its own has arrived, so one follows every
 *     MutationResponse, also one that failed
 *   - a Transition that contains a mutation's effect never comes before its MutationResponse
 *   - mutations of one socket run in order
 */
import { randomUUID } from "node:crypto";
import { MAX_NESTING } from "../limits.ts";
import { isDeeperThan, isObject, type Json, type JsonObject } from "../values/json.ts";

export type QueryModification =
  | {
      type: "Add";
      queryId: number;
      udfPath: string;
      component: string;
      args: JsonObject;
      journal: string | null;
    }
  | { type: "Remove"; queryId: number };

export type ClientMessage =
  | { type: "Connect"; sessionId: string; maxObservedTimestamp: bigint | null; clientTs: number | null }
  | { type: "ModifyQuerySet"; baseVersion: number; newVersion: number; modifications: QueryModification[] }
  | { type: "Mutation" | "Action"; requestId: number; udfPath: string; component: string; args: JsonObject }
  | { type: "Authenticate"; baseVersion: number; token: Token }
  | { type: "Event" };
export type Token =
  | { kind: "None" }
  | { kind: "User"; value: string }
  | { kind: "Admin"; value: string; actingAs: JsonObject | null };

export type StateVersion = { querySet: number; identity: number; ts: bigint };
/** Its text may hold what the client sent, but not much of it. */
export class ProtocolError extends Error {
  constructor(text: string) {
    super(text.length <= LONGEST_ERROR ? text : `${text.slice(0, LONGEST_ERROR)}…`);
  }
}
const LONGEST_ERROR = 500;
const SESSION_ID = /^[0-9a-f-]{1,64}$/i;

/** A timestamp on the wire: 8 bytes, little endian, in base64. */
export function encodeTs(ts: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(ts);
  return bytes.toString("base64");
}

export function decodeTs(text: string): bigint {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== 8) throw new ProtocolError("timestamp must be 8 bytes in base64");
  return bytes.readBigUInt64LE();
}

function field<T>(message: JsonObject, name: string, type: "string" | "number" | "object"): T {
  const value = message[name];
  if (typeof value !== type || value === null) {
    throw new ProtocolError(`message ${String(message.type)}: field "${name}" must be a ${type}`);
  }
  return value as T;
}

function count(message: JsonObject, name: string): number {
  const value = field<number>(message, name, "number");
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new ProtocolError(
      `message ${String(message.type)}: field "${name}" must be a 32-bit unsigned integer`,
    );
  }
  return value;
}

/** Arguments come as an array of one object. */
export function parseArgs(args: Json | undefined): JsonObject {
  const first = Array.isArray(args) ? args[0] : args;
  if (first === undefined) return {};
  if (!isObject(first) || (Array.isArray(args) && args.length > 1)) {
    throw new ProtocolError('field "args" must be one object, or an array of one object');
  }
  // What is deeper can't be passed on, compared or stored.
  if (isDeeperThan(first, MAX_NESTING)) {
    throw new ProtocolError(`field "args" is nested too deep (limit: ${MAX_NESTING} levels)`);
  }
  return first as JsonObject;
}

/** The component whose function is meant; only the admin key reaches any but the app. */
function componentPath(message: JsonObject): string {
  return typeof message.componentPath === "string" ? message.componentPath : "";
}

function parseModification(value: Json): QueryModification {
  if (!isObject(value)) throw new ProtocolError('field "modifications" must hold objects');
  const message = value as JsonObject;
  const queryId = count(message, "queryId");
  if (message.type === "Remove") return { type: "Remove", queryId };
  if (message.type !== "Add") throw new ProtocolError(`unknown query modification ${String(message.type)}`);
  return {
    type: "Add",
    queryId,
    udfPath: field(message, "udfPath", "string"),
    component: componentPath(message),
    args: parseArgs(message.args),
    journal: typeof message.journal === "string" ? message.journal : null,
  };
}

function sessionId(message: JsonObject): string {
  const id = field<string>(message, "sessionId", "string");
  if (!SESSION_ID.test(id)) throw new ProtocolError('message Connect: field "sessionId" must be a UUID');
  return id;
}

function parseModifications(message: JsonObject): QueryModification[] {
  const { modifications } = message;
  if (!Array.isArray(modifications)) {
    throw new ProtocolError('message ModifyQuerySet: field "modifications" must be an array');
  }
  return modifications.map(parseModification);
}

function parseToken(message: JsonObject): Token {
  switch (message.tokenType) {
    case "None":
      return { kind: "None" };
    case "User":
      return { kind: "User", value: field(message, "value", "string") };
    case "Admin": {
      const actingAs = message.impersonating ?? message.actingAs ?? message.acting_as ?? null;
      return {
        kind: "Admin",
        value: field(message, "value", "string"),
        actingAs: isObject(actingAs) ? (actingAs as JsonObject) : null,
      };
    }
    default:
      throw new ProtocolError(`unknown token type ${String(message.tokenType)}`);
  }
}

/** Throws ProtocolError naming the field that is wrong. */
export function parseClientMessage(text: string): ClientMessage {
  let message: JsonObject;
  try {
    message = JSON.parse(text) as JsonObject;
  } catch {
    throw new ProtocolError("a frame must be JSON text");
  }
  if (!isObject(message)) throw new ProtocolError("a frame must be a JSON object");
  switch (message.type) {
    case "Connect":
      return {
        type: "Connect",
        sessionId: sessionId(message),
        maxObservedTimestamp:
          typeof message.maxObservedTimestamp === "string" ? decodeTs(message.maxObservedTimestamp) : null,
        clientTs: typeof message.clientTs === "number" ? message.clientTs : null,
      };
    case "ModifyQuerySet":
      return {
        type: "ModifyQuerySet",
        baseVersion: count(message, "baseVersion"),
        newVersion: count(message, "newVersion"),
        modifications: parseModifications(message),
      };
    case "Mutation":
    case "Action":
      return {
        type: message.type,
        requestId: count(message, "requestId"),
        udfPath: field(message, "udfPath", "string"),
        component: componentPath(message),
        args: parseArgs(message.args),
      };
    case "Authenticate":
      return { type: "Authenticate", baseVersion: count(message, "baseVersion"), token: parseToken(message) };
    case "Event":
      return { type: "Event" };
    default:
      throw new ProtocolError(`unknown message type ${JSON.stringify(message.type)}`);
  }
}

function encodeVersion({ querySet, identity, ts }: StateVersion): string {
  return `{"querySet":${querySet},"identity":${identity},"ts":"${encodeTs(ts)}"}`;
}

/** `modifications` as the functions below make them. */
export function transition(
  start: StateVersion,
  end: StateVersion,
  modifications: string[],
  clientClockSkew: number | null,
): string {
  return `{"type":"Transition","startVersion":${encodeVersion(start)},"endVersion":${encodeVersion(end)},"modifications":[${modifications.join(",")}],"clientClockSkew":${clientClockSkew},"serverTs":${Date.now() * 1e6}}`;
}

export function queryRemoved(queryId: number): string {
  return `{"type":"QueryRemoved","queryId":${queryId}}`;
}

/** `news` is what `queryUpdated` or `queryFailed` gave: the same text for all sockets that hold the query. */
export function queryChanged(queryId: number, news: string): string {
  return `{"queryId":${queryId},${news}}`;
}

/** `value` is JSON text, and goes in as it is. */
export function queryUpdated(value: string, logLines: string[], journal: string | null): string {
  return `"type":"QueryUpdated","value":${value},"logLines":${JSON.stringify(logLines)},"journal":${JSON.stringify(journal)}`;
}

export function queryFailed(
  { message, data }: { message: string; data?: Json },
  logLines: string[],
  journal: string | null,
): string {
  const errorData = data === undefined ? "" : `,"errorData":${JSON.stringify(data)}`;
  return `"type":"QueryFailed","errorMessage":${JSON.stringify(message)},"logLines":${JSON.stringify(logLines)},"journal":${JSON.stringify(journal)}${errorData}`;
}

export function response(
  type: "MutationResponse" | "ActionResponse",
  requestId: number,
  outcome: { ok: true; value: string } | { ok: false; error: { message: string; data?: Json } },
  ts: bigint | null,
  logLines: string[],
): string {
  const result = outcome.ok ? outcome.value : JSON.stringify(outcome.error.message);
  const at = type === "ActionResponse" ? "" : `"ts":${ts === null ? null : `"${encodeTs(ts)}"`},`;
  const data = outcome.ok ? undefined : outcome.error.data;
  const errorData = data === undefined ? "" : `,"errorData":${JSON.stringify(data)}`;
  return `{"type":"${type}","requestId":${requestId},"success":${outcome.ok},"result":${result},${at}"logLines":${JSON.stringify(logLines)}${errorData}}`;
}

/** Splits a large transition for clients that can put it together again. */
export function chunks(text: string, size: number): string[] {
  if (text.length <= size) return [text];
  const transitionId = randomUUID();
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + size, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    parts.push(text.slice(at, end));
    at = end;
  }
  return parts.map((chunk, partNumber) =>
    JSON.stringify({ type: "TransitionChunk", chunk, partNumber, totalParts: parts.length, transitionId }),
  );
}
