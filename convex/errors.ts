/** Errors that callers are meant to handle. Everything else that is thrown is a defect. */
import { ConvexError } from "convex/values";

export type ErrorCode =
  /** No identity, or one that did not verify. */
  | "UNAUTHENTICATED"
  /** Known, but not allowed to do this. */
  | "FORBIDDEN"
  | "NOT_FOUND"
  /** `field` names what is wrong; the message says what would be right. */
  | "BAD_INPUT"
  /** The fencing token is not, or no longer, that of the request's lease: stop, and hang up. */
  | "LEASE_LOST"
  /** The number may not be called. */
  | "POLICY_BLOCKED"
  /** Not in this state. */
  | "CONFLICT";

export type Failure = { code: ErrorCode; message: string; field?: string };

export function fail(code: ErrorCode, message: string, field?: string): never {
  throw new ConvexError<Failure>(field === undefined ? { code, message } : { code, message, field });
}

/** The failure inside an error, whichever way it arrived: as data, or as the JSON text of it. */
export function failureOf(error: unknown): Failure | null {
  if (!(error instanceof ConvexError)) return null;
  const data: unknown = typeof error.data === "string" ? parsed(error.data) : error.data;
  if (typeof data !== "object" || data === null || !("code" in data) || !("message" in data)) return null;
  return data as Failure;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
