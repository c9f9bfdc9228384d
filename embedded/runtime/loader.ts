/**
 * Loads an app into this thread, without files, and finds the functions, routes, cron jobs, schemas, components and
 * authentication settings in it.
 */
import { registerHooks } from "node:module";
import { type App, allModules, type Definition, type Module } from "../app.ts";
import { canonicalPath, componentKey } from "../names.ts";
import type { Json } from "../values/json.ts";
import { allComponents, buildTree, type DefinitionExport, NO_CONFIG } from "./components.ts";
import { LoadError } from "./loadError.ts";
import type { Analysis, CronSpec, FunctionKind, FunctionSpec, HttpRoute } from "./messages.ts";

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
  /** By key. */
  functions: Map<string, Registered>;
  /** HTTP routers by component. */
  routers: Map<string, Router>;
  analysis: Analysis;
};

/** The folder of a definition's modules: `convex:///out/` for the app's, where source maps lead to its files. */
function rootOf(definition: number): string {
  return definition === 0 ? MODULE_ROOT : `convex:///component-${definition}/out/`;
}

/** How a bundled `convex.config` imports that of a component: `./_componentDeps/<base64url of its path>`. */
const COMPONENT_IMPORT = "./_componentDeps/";
const COMPONENT_URL = "convex:///_componentDeps/";

/**
 * Lets modules be imported from memory. The import of a component's definition gives what `app.use` needs: its path
 * and the name that it gives itself.
 */
function serveFromMemory(app: App): void {
  const sources = new Map<string, string>();
  for (const [i, definition] of app.entries()) {
    for (const module of [...allModules(definition), ...(definition.config ? [definition.config] : [])]) {
      const map = module.sourceMap
        ? `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(module.sourceMap).toString("base64")}`
        : "";
      const source = module.source.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "") + map;
      sources.set(rootOf(i) + module.path, source);
    }
    const config = JSON.stringify(rootOf(i) + (definition.config?.path ?? ""));
    sources.set(
      COMPONENT_URL + Buffer.from(definition.path).toString("base64url"),
      `import definition from ${config};
       export default { componentDefinitionPath: ${JSON.stringify(definition.path)}, defaultName: definition._name };`,
    );
  }
  registerHooks({
    resolve(specifier, context, next) {
      const parent = context.parentURL ?? "";
      if (specifier.startsWith("convex:///")) return { url: specifier, shortCircuit: true };
      if (parent.startsWith("convex:///") && specifier.startsWith(COMPONENT_IMPORT)) {
        return { url: COMPONENT_URL + specifier.slice(COMPONENT_IMPORT.length), shortCircuit: true };
      }
      if (parent.startsWith("convex:///") && specifier.startsWith(".")) {
        return { url: new URL(specifier, parent).href, shortCircuit: true };
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

/** What one definition holds, whoever uses it. Its functions have no component yet. */
type LoadedDefinition = {
  functions: { spec: FunctionSpec; registered: Registered }[];
  router: Router | null;
  crons: CronSpec[];
  schema: string | null;
  auth: Json | null;
  exported: DefinitionExport;
};

/**
 * Imports every module that this thread may run. The database thread leaves "use node" modules alone, the action
 * thread loads all. Throws LoadError naming the module when one fails.
 */
export async function loadApp(
  app: App,
  environment: Record<string, string>,
  node: boolean,
  onLoad: (path: string) => void = () => {},
): Promise<Loaded> {
  serveFromMemory(app);
  const definitions = new Map<string, LoadedDefinition>();
  for (const [i, definition] of app.entries()) {
    definitions.set(definition.path, await loadDefinition(definition, rootOf(i), node, onLoad));
  }
  const exported = new Map([...definitions].map(([path, loaded]) => [path, loaded.exported]));
  const tree = buildTree(exported, environment);
  const root = definitions.get("") as LoadedDefinition;
  const loaded: Loaded = {
    functions: new Map(),
    routers: new Map(),
    analysis: {
      functions: [],
      crons: [],
      routes: root.router?.getRoutes().map(([path, method]): HttpRoute => ({ path, method })) ?? [],
      auth: root.auth,
      schema: root.schema,
      schemas: [],
      tree,
      definitions: [...definitions].map(([path, { functions, schema, exported }]) => ({
        path,
        exported,
        functions: functions.map(({ spec }) => spec),
        schema,
      })),
    },
  };
  for (const component of allComponents(tree))
    use(loaded, component.path, definitions.get(component.definition));
  return loaded;
}

/** Adds what a definition holds under the path of a component that uses it. */
function use(loaded: Loaded, component: string, definition: LoadedDefinition | undefined): void {
  if (!definition) return;
  const { analysis } = loaded;
  for (const { spec, registered } of definition.functions) {
    loaded.functions.set(componentKey(component, spec.path), registered);
    analysis.functions.push({ ...spec, component });
  }
  for (const cron of definition.crons) {
    analysis.crons.push({ ...cron, name: componentKey(component, cron.name), component });
  }
  if (definition.router) loaded.routers.set(component, definition.router);
  if (definition.schema !== null) analysis.schemas.push({ component, exported: definition.schema });
}

async function loadDefinition(
  definition: Definition,
  root: string,
  node: boolean,
  onLoad: (path: string) => void,
): Promise<LoadedDefinition> {
  const loaded: LoadedDefinition = {
    functions: [],
    router: null,
    crons: [],
    schema: null,
    auth: null,
    exported: NO_CONFIG,
  };
  if (definition.config) {
    const { default: main } = await importModule(root, definition.config.path);
    const config = main as { export?: () => DefinitionExport } | undefined;
    if (typeof config?.export !== "function") {
      throw new LoadError("convex.config.ts must `export default` a defineApp() or defineComponent()");
    }
    loaded.exported = config.export();
  }
  for (const module of allModules(definition)) {
    if (module.path.startsWith("_deps/") || (module.environment === "node" && !node)) continue;
    onLoad(module.path);
    const exports = await importModule(root, module.path);
    const main = exports.default as Record<string, unknown> | undefined;
    if (module.path === "schema.js") {
      const schema = main as { export?: () => string } | undefined;
      if (typeof schema?.export !== "function") {
        throw new LoadError("schema.ts must `export default defineSchema({...})`");
      }
      loaded.schema = schema.export();
    }
    if (module.path === "auth.config.js") loaded.auth = JSON.parse(JSON.stringify(main ?? null)) as Json;
    if (module.path === "http.js") {
      loaded.router = main as unknown as Router;
      if (loaded.router?.isRouter !== true)
        throw new LoadError("http.ts must `export default` an httpRouter()");
    }
    if (module.path === "crons.js") loaded.crons = readCrons(main);
    if (!SPECIAL.has(module.path)) loaded.functions.push(...functionsIn(module, exports));
  }
  return loaded;
}

function functionsIn(module: Module, exports: Record<string, unknown>): LoadedDefinition["functions"] {
  const found: LoadedDefinition["functions"] = [];
  for (const [name, value] of Object.entries(exports)) {
    const registered = value as Registered | null;
    const kind = typeof registered === "function" ? kindOfFunction(registered) : null;
    if (!registered || kind === null) continue;
    const returns = registered.exportReturns?.() ?? "null";
    const spec: FunctionSpec = {
      component: "",
      path: canonicalPath(`${module.path}:${name}`),
      kind,
      visibility: registered.isPublic ? "public" : "internal",
      environment: module.environment,
      args: registered.exportArgs?.() ?? '{"type":"any"}',
      returns: returns === "null" ? null : returns,
    };
    found.push({ spec, registered });
  }
  return found;
}

async function importModule(root: string, path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(root + path)) as Record<string, unknown>;
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
    component: "",
    function: canonicalPath(job.name),
    args: job.args[0] ?? {},
    schedule: job.schedule,
  }));
}
