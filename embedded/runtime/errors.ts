/**
 * How a failed function looks to its caller:
 *
 *   [Request ID: 0123abcd] Server Error
 *   Uncaught Error: message
 *       at handler (../convex/file.ts:3:9)
 *
 * A ConvexError carries its data beside the text. This is the wording of a development deployment.
 */
import { CallError, DeveloperError } from "../engine/errors.ts";
import type { Json } from "../values/json.ts";
import type { Failure } from "./messages.ts";

const OWN_FRAME = /^\s+at (.*)convex:\/\/\/(?!node_modules\/)(.*)$/;

/** The stack lines that lie in the app's own files. */
function ownFrames(error: Error): string[] {
  const frames: string[] = [];
  for (const line of (error.stack ?? "").split("\n")) {
    const match = OWN_FRAME.exec(line);
    if (match && !line.includes("node_modules")) frames.push(`    at ${match[1]}../${match[2]}`);
  }
  return frames;
}

/** ConvexErrors leave user code with `data` turned to JSON text by `convex/server`. */
export function errorData(error: unknown): Json | undefined {
  if (typeof error !== "object" || error === null || !("ConvexErrorSymbol" in error)) return undefined;
  const data = (error as { data?: unknown }).data;
  return typeof data === "string" ? (JSON.parse(data) as Json) : undefined;
}

function describe(error: unknown): string {
  if (error instanceof CallError) return error.message;
  if (!(error instanceof Error)) return `Uncaught ${String(error)}`;
  const name = error instanceof DeveloperError ? "Error" : error.name || "Error";
  return [`Uncaught ${name}: ${error.message}`, ...ownFrames(error)].join("\n");
}

/** The form in which a caller outside sees the failure. */
export function failure(error: unknown, requestId: string): Failure {
  const data = errorData(error);
  const message = `[Request ID: ${requestId}] Server Error\n${describe(error)}${error instanceof CallError ? "" : "\n"}`;
  return data === undefined ? { message } : { message, data };
}

/** What a calling function catches: `convex/server` makes an Error, or a ConvexError if there is data, of it. */
export class NestedError extends Error {
  data?: Json;

  constructor(error: unknown) {
    super(error instanceof NestedError ? error.message : (describe(error).split("\n    at ")[0] ?? ""));
    const data = errorData(error);
    if (data !== undefined) this.data = data;
  }
}
