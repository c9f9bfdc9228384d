/**
 * The tree of components of an app, from what `convex.config` modules export (npm `convex`,
 * `src/server/components/index.ts`): which definition is used where, under what name, with what environment.
 *
 * A component path is "" for the app, `limiter` for what it calls so, `limiter/store` for a component of that one.
 */
import type { Json, JsonObject } from "../values/json.ts";
import { LoadError } from "./loadError.ts";

/** What `export()` of a definition gives; a missing `convex.config` is an app without components. */
export type DefinitionExport = {
  definitionType: JsonObject;
  childComponents: { name: string; path: string; env: [string, EnvBinding][] | null }[];
  /** URL prefix to `_reference/childComponent/<name>`. */
  httpMounts: Record<string, string>;
  httpPrefix?: string;
  exports: JsonObject;
  envVars?: [string, { type: "value"; value: string; optional?: boolean }][];
};
type EnvBinding = { type: "value"; value: string } | { type: "envVar"; name: string };

export type Component = {
  path: string;
  definition: string;
  /** Its environment variables; the app's are those of the deployment. */
  env: Record<string, string> | null;
  children: Record<string, Component>;
  /** URL prefix, ending in `/`, to the name of the child that answers there. */
  httpMounts: Record<string, string>;
};

export const NO_CONFIG: DefinitionExport = {
  definitionType: { type: "app" },
  childComponents: [],
  httpMounts: {},
  exports: { type: "branch", branch: [] },
};

const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const LARGEST_DEPTH = 16;
const CHILD = "_reference/childComponent/";

export function buildTree(
  definitions: Map<string, DefinitionExport>,
  environment: Record<string, string>,
): Component {
  const build = (definition: string, path: string, env: Record<string, string> | null, depth: number) => {
    const exported = definitions.get(definition);
    if (!exported) throw new LoadError(`Component definition ${definition} is used, but is not there.`);
    if (depth > LARGEST_DEPTH) throw new LoadError(`Components are nested too deep at ${path}.`);
    const component: Component = { path, definition, env, children: {}, httpMounts: {} };
    for (const child of exported.childComponents) {
      const { name } = child;
      if (!NAME.test(name)) throw new LoadError(`${JSON.stringify(name)} is no name for a component.`);
      if (Object.hasOwn(component.children, name)) {
        throw new LoadError(
          `Two components are called "${name}"; give one another name: app.use(it, { name: "..." }).`,
        );
      }
      const childEnv: Record<string, string> = {};
      for (const [variable, binding] of child.env ?? []) {
        const value = binding.type === "value" ? binding.value : (env ?? environment)[binding.name];
        if (value !== undefined) childEnv[variable] = value;
      }
      const childPath = path === "" ? name : `${path}/${name}`;
      component.children[name] = build(child.path, childPath, childEnv, depth + 1);
    }
    for (const [prefix, reference] of Object.entries(exported.httpMounts)) {
      component.httpMounts[prefix] = reference.slice(CHILD.length);
    }
    return component;
  };
  return build("", "", null, 0);
}

export function* allComponents(component: Component): Generator<Component> {
  yield component;
  for (const child of Object.values(component.children)) yield* allComponents(child);
}

export function findComponent(tree: Component, path: string): Component | null {
  let at: Component | null = tree;
  for (const name of path === "" ? [] : path.split("/")) {
    at = at && Object.hasOwn(at.children, name) ? (at.children[name] ?? null) : null;
  }
  return at;
}

/** `start_push` answers with the tree in this form (npm `convex`, `deployApi/checkedComponent.ts`). */
export function checkedComponent(component: Component, routes: Json[] | null): JsonObject {
  return {
    definitionPath: component.definition,
    componentPath: component.path,
    args: {},
    childComponents: Object.fromEntries(
      Object.entries(component.children).map(([name, child]) => [name, checkedComponent(child, null)]),
    ),
    httpRoutes: { httpModuleRoutes: routes, mounts: Object.keys(component.httpMounts) },
    exports: {},
  };
}
