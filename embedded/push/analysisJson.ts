/** What `start_push` answers about an app, from which the command line generates code. */
import type { App } from "../app.ts";
import { allModules } from "../app.ts";
import type { Analysis } from "../runtime/messages.ts";
import type { Json, JsonObject } from "../values/json.ts";

const UDF_VERSION = "1.48.0";

function moduleOf(path: string): string {
  return `${path.slice(0, path.indexOf(":"))}.js`;
}

function functionsOf(app: App, analysis: Analysis): JsonObject {
  const paths = allModules(app[0])
    .map((module) => module.path)
    .filter((path) => !path.startsWith("_deps/"));
  return Object.fromEntries(
    paths.map((path) => [
      path,
      {
        functions: analysis.functions
          .filter((spec) => moduleOf(spec.path) === path)
          .map((spec) => ({
            name: spec.path.slice(spec.path.indexOf(":") + 1),
            pos: null,
            udfType: spec.kind.charAt(0).toUpperCase() + spec.kind.slice(1),
            visibility: { kind: spec.visibility },
            args: spec.args,
            returns: spec.returns,
          })),
        httpRoutes: path === "http.js" ? analysis.routes : null,
        cronSpecs: null,
        sourceMapped: null,
      },
    ]),
  );
}

export function analysisJson(app: App, analysis: Analysis): { analysis: JsonObject; app: JsonObject } {
  return {
    analysis: {
      "": {
        definition: {
          path: "",
          definitionType: { type: "app" },
          childComponents: [],
          httpMounts: {},
          exports: { type: "branch", branch: [] },
        },
        schema: analysis.schema === null ? null : (JSON.parse(analysis.schema) as Json),
        functions: functionsOf(app, analysis),
        udfConfig: {
          serverVersion: UDF_VERSION,
          importPhaseRngSeed: { $bytes: Buffer.alloc(32).toString("base64") },
          importPhaseUnixTimestamp: { $integer: "AAAAAAAAAAA=" },
        },
      },
    },
    app: {
      definitionPath: "",
      componentPath: "",
      args: {},
      childComponents: {},
      httpRoutes: {
        httpModuleRoutes: analysis.routes.length > 0 ? analysis.routes : null,
        mounts: [],
      },
      exports: {},
    },
  };
}
