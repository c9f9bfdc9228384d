/** Names of functions and requests, and what callers are told when a name is wrong. */
import { DeveloperError } from "./engine/errors.ts";
import type { FunctionSpec } from "./runtime/messages.ts";
import type { JsonObject } from "./values/json.ts";

/** `dir/file.js:name`, `dir/file:name` and `dir/file` (its default export) in one spelling. */
export function canonicalPath(path: string): string {
  const colon = path.indexOf(":");
  const module = colon < 0 ? path : path.slice(0, colon);
  const name = colon < 0 ? "default" : path.slice(colon + 1);
  return `${module.replace(/\.js$/, "").replace(/^\/+/, "")}:${name}`;
}

/** A name that nobody has given to a function may be as long as a message. */
const LONGEST_SHOWN_NAME = 300;

export function notFound(path: string, visibility = ""): string {
  const adjective = visibility === "" ? "" : `${visibility} `;
  const name = canonicalPath(path.slice(0, LONGEST_SHOWN_NAME)).replace(/:default$/, "");
  return `Could not find ${adjective}function for '${name}'. Did you forget to run \`npx convex dev\` or \`npx convex deploy\`?`;
}

export function wrongKind(spec: FunctionSpec, wanted: string): string {
  const name = (kind: string) => kind.charAt(0).toUpperCase() + kind.slice(1);
  const [module, fn] = spec.path.split(":");
  return `Trying to execute ${module}.js:${fn} as ${name(wanted)}, but it is defined as ${name(spec.kind)}.`;
}

/** An error that comes from the deployment itself, in the form of every other one. */
export function serverError(text: string, id = requestId()): string {
  return `[Request ID: ${id}] Server Error\n${text}`;
}

export function requestId(): string {
  return Math.floor(Math.random() * 2 ** 52)
    .toString(16)
    .padStart(16, "0")
    .slice(0, 16);
}

/** A function reference as `convex/server` sends it: a name or a handle; components are not supported. */
export function functionPath(args: JsonObject): string {
  if (typeof args.name === "string") return canonicalPath(args.name);
  if (typeof args.functionHandle === "string")
    return canonicalPath(args.functionHandle.replace("function://", ""));
  throw new DeveloperError(
    `Components are not supported by this deployment (function reference ${JSON.stringify(args.reference)}).`,
  );
}
