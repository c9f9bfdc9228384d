/** Names of functions and requests, and what callers are told when a name is wrong. */
import { DeveloperError } from "./engine/errors.ts";
import type { FunctionSpec, Origin } from "./runtime/messages.ts";
import type { JsonObject } from "./values/json.ts";

/** `dir/file.js:name`, `dir/file:name` and `dir/file` (its default export) in one spelling. */
export function canonicalPath(path: string): string {
  const colon = path.indexOf(":");
  const module = colon < 0 ? path : path.slice(0, colon);
  const name = colon < 0 ? "default" : path.slice(colon + 1);
  return `${module.replace(/\.js$/, "").replace(/^\/+/, "")}:${name}`;
}

/**
 * Tables and functions of all components lie side by side under keys: the name alone for the app's, `name@component`
 * for a component's.
 */
export function componentKey(component: string, name: string): string {
  return component === "" ? name : `${name}@${component}`;
}

/** The name without its component, as the app knows it. */
export function nameOfKey(key: string): string {
  const at = key.indexOf("@");
  return at < 0 ? key : key.slice(0, at);
}

export function componentOfKey(key: string): string {
  const at = key.indexOf("@");
  return at < 0 ? "" : key.slice(at + 1);
}

/** System functions of the page `/_dashboard` (engine/frontend.ts). */
export const FRONTEND_PREFIX = "_system/frontend:";

export function isFrontendPath(path: string): boolean {
  return path.startsWith(FRONTEND_PREFIX);
}

/** What functions are told of the deployment that they run on; class and region are the cloud's. */
export const DEPLOYMENT = { name: "embedded", region: null, class: "s16" };

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

/** Where a call comes from of which no more is known. */
export function originOf(known: Partial<Origin> = {}): Origin {
  const nothing = { ip: null, userAgent: null, scheduledFunctionId: null, authToken: null };
  return { ...nothing, requestId: "", ...known };
}

export function requestId(): string {
  return Math.floor(Math.random() * 2 ** 52)
    .toString(16)
    .padStart(16, "0")
    .slice(0, 16);
}

/** A function of one component. */
export type Address = { component: string; path: string };

/** `function://<component>;<path>`, by which any component may call the function. */
export function functionHandle({ component, path }: Address): string {
  return `function://${component};${path}`;
}

const HANDLE = /^function:\/\/([^;]*);(.+)$/;
const CHILD = "_reference/childComponent/";
const OWN = "_reference/function/";

/**
 * A function as code in `component` refers to it: by its name, by a handle, or by a reference to a function of a
 * component it uses (`_reference/childComponent/<name>/<dir>/<file>/<export>`).
 */
export function functionAddress(args: JsonObject, component: string): Address {
  const { name, functionHandle: handle, reference } = args;
  if (typeof name === "string") return { component, path: canonicalPath(name) };
  if (typeof handle === "string") {
    const [, of, path] = HANDLE.exec(handle) ?? [];
    if (of === undefined || path === undefined) {
      throw new DeveloperError(`${JSON.stringify(handle)} is no function handle.`);
    }
    return { component: of, path: canonicalPath(path) };
  }
  const text = String(reference);
  const parts = text.split("/").slice(2);
  if (text.startsWith(CHILD) && parts.length >= 3) {
    const child = parts[0] as string;
    return {
      component: component === "" ? child : `${component}/${child}`,
      path: `${parts.slice(1, -1).join("/")}:${parts.at(-1)}`,
    };
  }
  if (text.startsWith(OWN) && parts.length >= 1) {
    const path = parts.join("/");
    const named = path.includes(":") ? path : `${parts.slice(0, -1).join("/")}:${parts.at(-1)}`;
    return { component, path: canonicalPath(named) };
  }
  throw new DeveloperError(`Function reference ${JSON.stringify(reference)} can't be resolved.`);
}
