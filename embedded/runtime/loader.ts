/**
 * Loads a module set into this thread, without files, and finds the functions, routes, cron jobs, schema and
 * authentication settings in it.
 */
import { registerHooks } from "node:module";
import { allModules, type Definition, type Module } from "../app.ts";
import { canonicalPath } from "../names.ts";
import type { Json } from "../values/json.ts";
import type { Analysis, CronSpec, FunctionKind, HttpRoute } from "./messages.ts";

/** Modules live at `convex:///out/<path>`; source maps then name files as `convex:///<folder>/<file>.ts`. */
export const MODULE_ROOT = "convex:///out/";

export type Registered = {
  isQuery?: boolean;
  isMutation?: boolean;
  isAction?: boolean;
  isHttp?: boolean;
  isPublic?: boolean;
  isInternal?: boolean;
  exportArgs?: () => string;
  exportReturns?: () => string;
  invokeQuery(args: string): Promise<string>;
  invokeMutation(args: string): Promise<string>;
  invokeAction(requestId: string, args: string): Promise<string>;
};
export type HttpEndpoint = { invokeHttpAction(request: Request): Promise<Response> };
export type Router = {
  isRouter: true;
  getRoutes(): [path: string, method: string, endpoint: unknown][];
  lookup(path: string, method: string): [HttpEndpoint, string, string] | null;
};
export type Loaded = {
  functions: Map<string, Registered>;
  router: Router | null;
  analysis: Analysis;
};

export class LoadError extends Error {
  override name = "LoadError";
}

function serveFromMemory(modules: Module[]): void {
  const sources = new Map(
    modules.map((module) => {
      const map = module.sourceMap
        ? `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(module.sourceMap).toString("base64")}`
        : "";
      return [MODULE_ROOT + module.path, module.source.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "") + map];
    }),
  );
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier.startsWith(MODULE_ROOT)) return { url: specifier, shortCircuit: true };
      if (context.parentURL?.startsWith(MODULE_ROOT) && specifier.startsWith(".")) {
        return { url: new URL(specifier, context.parentURL).href, shortCircuit: true };
      }
      return next(specifier, context);
    },
    load(url, context, next) {
      const source = sources.get(url);
      return source === undefined ? next(url, context) : { format: "module", source, shortCircuit: true };
    },
  });
}

function kindOfFunction(value: Registered): FunctionKind | null {
  if (value.isQuery) return "query";
  if (value.isMutation) return "mutation";
  return value.isAction ? "action" : null;
}

/** Names that only the deployment reads; they hold no functions. */
const SPECIAL = new Set(["schema.js", "auth.config.js", "convex.config.js"]);

/**
 * Imports every module that this thread may run. The database thread leaves "use node" modules alone, the action
 * thread loads all. Throws LoadError naming the module when one fails.
 */
export async function loadModules(
  definition: Definition,
  node: boolean,
  onLoad: (path: string) => void = () => {},
): Promise<Loaded> {
  const modules = allModules(definition);
  serveFromMemory(modules);
  const functions = new Map<string, Registered>();
  const analysis: Analysis = { functions: [], crons: [], routes: [], auth: null, schema: null };
  let router: Router | null = null;
  for (const module of modules) {
    if (module.path.startsWith("_deps/") || (module.environment === "node" && !node)) continue;
    onLoad(module.path);
    const exports = await importModule(module.path);
    const main = exports.default as Record<string, unknown> | undefined;
    if (module.path === "schema.js") {
      const schema = main as { export?: () => string } | undefined;
      if (typeof schema?.export !== "function") {
        throw new LoadError("schema.ts must `export default defineSchema({...})`");
      }
      analysis.schema = schema.export();
    }
    if (module.path === "auth.config.js") analysis.auth = JSON.parse(JSON.stringify(main ?? null)) as Json;
    if (module.path === "http.js") {
      router = main as unknown as Router;
      if (router?.isRouter !== true) throw new LoadError("http.ts must `export default` an httpRouter()");
      analysis.routes = router.getRoutes().map(([path, method]): HttpRoute => ({ path, method }));
    }
    if (module.path === "crons.js") analysis.crons = readCrons(main);
    if (SPECIAL.has(module.path)) continue;
    for (const [name, value] of Object.entries(exports)) {
      const registered = value as Registered | null;
      const kind = typeof registered === "function" ? kindOfFunction(registered) : null;
      if (!registered || kind === null) continue;
      const path = canonicalPath(`${module.path}:${name}`);
      functions.set(path, registered);
      const returns = registered.exportReturns?.() ?? "null";
      analysis.functions.push({
        path,
        kind,
        visibility: registered.isPublic ? "public" : "internal",
        environment: module.environment,
        args: registered.exportArgs?.() ?? '{"type":"any"}',
        returns: returns === "null" ? null : returns,
      });
    }
  }
  return { functions, router, analysis };
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(MODULE_ROOT + path)) as Record<string, unknown>;
  } catch (error) {
    throw new LoadError(
      `Failed to load ${path.replace(/\.js$/, "")}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
}

function readCrons(main: unknown): CronSpec[] {
  const crons = main as { isCrons?: boolean; export?: () => string } | undefined;
  if (typeof crons?.export !== "function") throw new LoadError("crons.ts must `export default` a cronJobs()");
  const exported = JSON.parse(crons.export()) as Record<
    string,
    { name: string; args: CronSpec["args"][]; schedule: CronSpec["schedule"] }
  >;
  return Object.entries(exported).map(([name, job]) => ({
    name,
    function: canonicalPath(job.name),
    args: job.args[0] ?? {},
    schedule: job.schedule,
  }));
}
