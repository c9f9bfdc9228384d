/**
 * What a deployment runs: the app and the components it uses, each as bundled modules. A folder that is bundled and a
 * push of the official command line both end in this form.
 */
import { createHash } from "node:crypto";

/** One bundled module: `path` is relative to the functions folder and ends in `.js`. */
export type Module = {
  path: string;
  source: string;
  sourceMap?: string;
  environment: "isolate" | "node";
};

/** One component definition; the app itself has the path "". */
export type Definition = {
  path: string;
  /** `convex.config`, which says what components it uses. */
  config: Module | null;
  /** Paths of the definitions that its config imports. */
  dependencies: string[];
  schema: Module | null;
  /** `auth.config`; only the app has one. */
  auth: Module | null;
  /** Functions, and the chunks that they share. */
  modules: Module[];
};

/** The app first, then the components' definitions. */
export type App = [Definition, ...Definition[]];

export const EMPTY_APP: App = [
  { path: "", config: null, dependencies: [], schema: null, auth: null, modules: [] },
];

/** How the command line names a module's content, to leave out what hasn't changed. */
export function moduleHash(module: Module): string {
  return createHash("sha256")
    .update(module.source)
    .update(module.sourceMap ?? "")
    .digest("hex");
}

/** Everything that is loaded of a definition, its settings included. */
export function allModules(definition: Definition): Module[] {
  const settings = [definition.schema, definition.auth].filter((module) => module !== null);
  return [...definition.modules, ...settings];
}

export function hasNodeModules(app: App): boolean {
  return app.some(({ modules }) =>
    modules.some((module) => module.environment === "node" && !module.path.startsWith("_deps/")),
  );
}
