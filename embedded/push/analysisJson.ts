/** What `start_push` answers about an app, from which the command line generates code. */
import { type App, allModules, type Definition } from "../app.ts";
import { checkedComponent } from "../runtime/components.ts";
import type { Analysis } from "../runtime/messages.ts";
import type { Json, JsonObject } from "../values/json.ts";

const UDF_VERSION = "1.48.0";

type Found = Analysis["definitions"][number];

function moduleOf(path: string): string {
  return `${path.slice(0, path.indexOf(":"))}.js`;
}

function functionsOf(definition: Definition, found: Found, analysis: Analysis): JsonObject {
  const paths = allModules(definition)
    .map((module) => module.path)
    .filter((path) => !path.startsWith("_deps/"));
  return Object.fromEntries(
    paths.map((path) => [
      path,
      {
        functions: found.functions
          .filter((spec) => moduleOf(spec.path) === path)
          .map((spec) => ({
            name: spec.path.slice(spec.path.indexOf(":") + 1),
            pos: null,
            udfType: spec.kind.charAt(0).toUpperCase() + spec.kind.slice(1),
            visibility: { kind: spec.visibility },
            args: spec.args,
            returns: spec.returns,
          })),
        httpRoutes: path === "http.js" && definition.path === "" ? analysis.routes : null,
        cronSpecs: null,
        sourceMapped: null,
      },
    ]),
  );
}

/** Public functions of a component are what it exports: a tree of directories, files and names. */
function exportsOf(found: Found): JsonObject {
  type Branch = { [name: string]: Branch | string };
  const root: Branch = {};
  for (const { path, visibility } of found.functions) {
    if (visibility !== "public") continue;
    const [module = "", name = ""] = path.split(":");
    let at = root;
    for (const part of module.split("/")) {
      const next = at[part];
      at = at[part] = typeof next === "object" ? next : {};
    }
    at[name] = `_reference/function/${module}.js:${name}`;
  }
  const render = (branch: Branch): JsonObject => ({
    type: "branch",
    branch: Object.entries(branch).map(([name, node]) => [
      name,
      typeof node === "string" ? { type: "leaf", leaf: node } : render(node),
    ]),
  });
  return render(root);
}

function definitionJson(definition: Definition, found: Found, analysis: Analysis): JsonObject {
  const { exported } = found;
  const { name } = exported.definitionType as { name?: string };
  const type: JsonObject = name === undefined ? { type: "app" } : { type: "childComponent", name, args: [] };
  return {
    definition: {
      path: definition.path,
      definitionType: type,
      childComponents: exported.childComponents as unknown as Json,
      httpMounts: exported.httpMounts,
      exports: name === undefined ? { type: "branch", branch: [] } : exportsOf(found),
      ...(exported.envVars ? { envVars: exported.envVars as unknown as Json } : {}),
    },
    schema: found.schema === null ? null : (JSON.parse(found.schema) as Json),
    functions: functionsOf(definition, found, analysis),
    udfConfig: {
      serverVersion: UDF_VERSION,
      importPhaseRngSeed: { $bytes: Buffer.alloc(32).toString("base64") },
      importPhaseUnixTimestamp: { $integer: "AAAAAAAAAAA=" },
    },
  };
}

export function analysisJson(app: App, analysis: Analysis): { analysis: JsonObject; app: JsonObject } {
  const definitions = app.flatMap((definition) => {
    const found = analysis.definitions.find(({ path }) => path === definition.path);
    return found ? [[definition.path, definitionJson(definition, found, analysis)] as const] : [];
  });
  return {
    analysis: Object.fromEntries(definitions),
    app: checkedComponent(analysis.tree, analysis.routes.length > 0 ? analysis.routes : null),
  };
}
