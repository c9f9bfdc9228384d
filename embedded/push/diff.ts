/**
 * What a push changes, in the form in which the command line prints it (npm `convex`,
 * `src/cli/lib/deployApi/finishPush.ts` and `evaluateSchema.ts`).
 */
import type { App } from "../app.ts";
import { allComponents, type Component } from "../runtime/components.ts";
import type { Analysis, CronSpec } from "../runtime/messages.ts";
import type { Json, JsonObject } from "../values/json.ts";

type ExportedTable = {
  tableName: string;
  indexes: { indexDescriptor: string; fields: string[] }[];
  stagedDbIndexes?: { indexDescriptor: string; fields: string[] }[];
  searchIndexes?: { indexDescriptor: string; searchField: string; filterFields: string[] }[];
  stagedSearchIndexes?: { indexDescriptor: string; searchField: string; filterFields: string[] }[];
  vectorIndexes?: {
    indexDescriptor: string;
    vectorField: string;
    dimensions: number;
    filterFields: string[];
  }[];
  stagedVectorIndexes?: {
    indexDescriptor: string;
    vectorField: string;
    dimensions: number;
    filterFields: string[];
  }[];
};

/** `name` is `table.index`. */
type IndexConfig = JsonObject & { name: string };

export function tablesOf(schema: string | null): ExportedTable[] {
  return schema === null ? [] : (JSON.parse(schema) as { tables: ExportedTable[] }).tables;
}

/** Every index that a schema declares, staged ones marked. */
export function indexesOf(schema: string | null): IndexConfig[] {
  return tablesOf(schema).flatMap((table) => {
    const name = (index: { indexDescriptor: string }) => `${table.tableName}.${index.indexDescriptor}`;
    const all = (staged: boolean): IndexConfig[] => {
      const mark: JsonObject = staged ? { staged: true } : {};
      const database = (staged ? table.stagedDbIndexes : table.indexes) ?? [];
      const search = (staged ? table.stagedSearchIndexes : table.searchIndexes) ?? [];
      const vector = (staged ? table.stagedVectorIndexes : table.vectorIndexes) ?? [];
      return [
        ...database.map((i) => ({ name: name(i), type: "database", fields: i.fields, ...mark })),
        ...search.map((i) => ({
          name: name(i),
          type: "search",
          searchField: i.searchField,
          filterFields: i.filterFields,
          ...mark,
        })),
        ...vector.map((i) => ({
          name: name(i),
          type: "vector",
          vectorField: i.vectorField,
          dimensions: i.dimensions,
          filterFields: i.filterFields,
          ...mark,
        })),
      ];
    };
    return [...all(false), ...all(true)];
  });
}

function withoutStaged({ staged, ...index }: IndexConfig): string {
  return JSON.stringify(index);
}

export function indexDiff(before: string | null, after: string | null): JsonObject {
  const [old, next] = [indexesOf(before), indexesOf(after)];
  const same = (a: IndexConfig, b: IndexConfig) => withoutStaged(a) === withoutStaged(b);
  const kept = next.map((index) => ({ index, was: old.find((other) => same(other, index)) }));
  const pick = (test: (now: boolean, was: boolean) => boolean) =>
    kept
      .filter(({ index, was }) => was && test(index.staged === true, was.staged === true))
      .map(({ index }) => index);
  return {
    added_indexes: kept.filter(({ was }) => !was).map(({ index }) => index),
    removed_indexes: old.filter((index) => !next.some((other) => same(other, index))),
    enabled_indexes: pick((now, was) => !now && was),
    disabled_indexes: pick((now, was) => now && !was),
  };
}

function named<T>(before: Map<string, T>, after: Map<string, T>) {
  return {
    added: [...after.keys()].filter((name) => !before.has(name)).sort(),
    removed: [...before.keys()].filter((name) => !after.has(name)).sort(),
    updated: [...after.keys()]
      .filter(
        (name) => before.has(name) && JSON.stringify(before.get(name)) !== JSON.stringify(after.get(name)),
      )
      .sort(),
  };
}

function providers(auth: Json | null): string[] {
  const listed = (auth as { providers?: Json[] } | null)?.providers ?? [];
  return Array.isArray(listed) ? listed.map((provider) => JSON.stringify(provider)) : [];
}

const NOTHING = { added: [], updated: [], removed: [] };

/** Another component has come or gone, or is what it was. */
function componentDiff(type: string): JsonObject {
  return {
    diffType: { type },
    moduleDiff: { added: [], removed: [] },
    udfConfigDiff: null,
    cronDiff: { added: [], updated: [], deleted: [] },
    indexDiff: { added_indexes: [], removed_indexes: [] },
    schemaDiff: null,
  };
}

function componentDiffs(before: Component, after: Component): JsonObject {
  const [old, next] = [before, after].map(
    (tree) => new Map([...allComponents(tree)].map((component) => [component.path, component.path])),
  );
  const { added, removed } = old && next ? named(old, next) : NOTHING;
  return Object.fromEntries([
    ...added.map((path) => [path, componentDiff("create")]),
    ...removed.map((path) => [path, componentDiff("unmount")]),
  ]);
}

/** The answer to `finish_push`. */
export function pushDiff(
  before: { app: App; analysis: Analysis },
  after: { app: App; analysis: Analysis },
): JsonObject {
  const auth = [providers(before.analysis.auth), providers(after.analysis.auth)] as const;
  const modulesOf = (app: App) => new Map(app[0].modules.map((module) => [module.path, module]));
  const cronsOf = (specs: CronSpec[]) => new Map(specs.map((spec) => [spec.name, spec]));
  const modules = named(modulesOf(before.app), modulesOf(after.app));
  const crons = named(cronsOf(before.analysis.crons), cronsOf(after.analysis.crons));
  const schemas = [before.analysis.schema, after.analysis.schema] as const;
  return {
    authDiff: {
      added: auth[1].filter((provider) => !auth[0].includes(provider)),
      removed: auth[0].filter((provider) => !auth[1].includes(provider)),
    },
    definitionDiffs: {},
    componentDiffs: {
      ...componentDiffs(before.analysis.tree, after.analysis.tree),
      "": {
        diffType: { type: "modify" },
        moduleDiff: { added: modules.added, removed: modules.removed },
        udfConfigDiff: null,
        cronDiff: { added: crons.added, updated: crons.updated, deleted: crons.removed },
        indexDiff: indexDiff(...schemas),
        schemaDiff:
          schemas[0] === schemas[1] ? null : { previous_schema: schemas[0], next_schema: schemas[1] },
      },
    },
  };
}
