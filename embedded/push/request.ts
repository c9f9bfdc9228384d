/**
 * The body of `POST /api/deploy2/start_push`, checked (npm `convex`, `src/cli/lib/deployApi/startPush.ts`):
 *
 *   {dryRun, functions, appDefinition: {definition, dependencies, schema, auth?, changedModules: [module],
 *    unchangedModuleHashes: [{path, environment, sha256}]}, componentDefinitions: [...], nodeDependencies: [...]}
 *
 * with module = {path, source, sourceMap?, environment}. Modules that haven't changed are named by their hash only;
 * they are taken from the app that runs.
 */
import { type App, type Definition, type Module, moduleHash } from "../app.ts";
import { isObject, type Json, type JsonObject } from "../values/json.ts";

/** The push is not what a push must be; the text says where. */
export class PushError extends Error {
  override name = "PushError";
  readonly code: string;

  constructor(message: string, code = "InvalidPush") {
    super(message);
    this.code = code;
  }
}

const MODULE_PATH = /^[A-Za-z0-9_$@.+-]+(\/[A-Za-z0-9_$@.+-]+)*\.js$/;

function object(value: Json | undefined, at: string): JsonObject {
  if (!isObject(value)) throw new PushError(`Field "${at}" must be an object.`);
  return value as JsonObject;
}

function list(value: Json | undefined, at: string): Json[] {
  if (!Array.isArray(value)) throw new PushError(`Field "${at}" must be an array.`);
  return value;
}

function text(value: Json | undefined, at: string): string {
  if (typeof value !== "string") throw new PushError(`Field "${at}" must be a string.`);
  return value;
}

function modulePath(value: Json | undefined, at: string): string {
  const path = text(value, at);
  if (!MODULE_PATH.test(path) || path.split("/").includes("..")) {
    throw new PushError(
      `Field "${at}": ${JSON.stringify(path)} is no path of a module.`,
      "InvalidModulePath",
    );
  }
  return path;
}

function environment(value: Json | undefined, at: string): Module["environment"] {
  if (value !== "isolate" && value !== "node") {
    throw new PushError(`Field "${at}" must be "isolate" or "node".`);
  }
  return value;
}

function readModule(value: Json | undefined, at: string): Module {
  const module = object(value, at);
  const { sourceMap } = module;
  return {
    path: modulePath(module.path, `${at}.path`),
    source: text(module.source, `${at}.source`),
    ...(typeof sourceMap === "string" ? { sourceMap } : {}),
    environment: environment(module.environment, `${at}.environment`),
  };
}

function optionalModule(value: Json | undefined, at: string): Module | null {
  return value === null || value === undefined ? null : readModule(value, at);
}

/** Throws PushError with the name of the field that is wrong. */
export function readPush(body: JsonObject, running: App): { app: App; dryRun: boolean } {
  const definition = object(body.appDefinition, "appDefinition");
  const components = list(body.componentDefinitions ?? [], "componentDefinitions");
  const external = list(body.nodeDependencies ?? [], "nodeDependencies").map((dependency) =>
    isObject(dependency) ? `${String((dependency as JsonObject).name)}` : "",
  );
  if (external.length > 0) {
    throw new PushError(
      `External packages for Node actions are not installed by this deployment (${external.join(", ")}). Let them be bundled: remove "node.externalPackages" from convex.json.`,
      "ExternalPackagesNotSupported",
    );
  }
  const known = new Map(running[0].modules.map((module) => [module.path, module]));
  const changed = list(definition.changedModules, "appDefinition.changedModules").map((module, i) =>
    readModule(module, `appDefinition.changedModules[${i}]`),
  );
  const hashes = list(definition.unchangedModuleHashes ?? [], "appDefinition.unchangedModuleHashes");
  const unchanged = hashes.map((value, i) => {
    const at = `appDefinition.unchangedModuleHashes[${i}]`;
    const { path, sha256 } = object(value, at);
    const module = known.get(modulePath(path, `${at}.path`));
    if (!module || moduleHash(module) !== sha256) {
      throw new PushError(
        `Module ${String(path)} has been changed by another push meanwhile. Push again.`,
        "RaceDetected",
      );
    }
    return module;
  });
  const modules = [...unchanged, ...changed];
  const twice = modules.find((module, i) => modules.findIndex(({ path }) => path === module.path) !== i);
  if (twice) throw new PushError(`Module ${twice.path} is there twice.`);
  // auth.config is bundled with the functions, or apart.
  const inModules = modules.find((module) => module.path === "auth.config.js") ?? null;
  const root: Definition = {
    path: "",
    config: optionalModule(definition.definition, "appDefinition.definition"),
    dependencies: list(definition.dependencies ?? [], "appDefinition.dependencies").map((path, i) =>
      text(path, `appDefinition.dependencies[${i}]`),
    ),
    schema: optionalModule(definition.schema, "appDefinition.schema"),
    auth: optionalModule(definition.auth, "appDefinition.auth") ?? inModules,
    modules: modules.filter((module) => module !== inModules),
  };
  return { app: [root, ...components.map(readComponent)], dryRun: body.dryRun === true };
}

function readComponent(value: Json, i: number): Definition {
  const at = `componentDefinitions[${i}]`;
  const component = object(value, at);
  const dependencies = list(component.dependencies ?? [], `${at}.dependencies`);
  return {
    path: text(component.definitionPath, `${at}.definitionPath`),
    config: readModule(component.definition, `${at}.definition`),
    dependencies: dependencies.map((path, n) => text(path, `${at}.dependencies[${n}]`)),
    schema: optionalModule(component.schema, `${at}.schema`),
    auth: null,
    modules: list(component.functions, `${at}.functions`).map((module, n) =>
      readModule(module, `${at}.functions[${n}]`),
    ),
  };
}
