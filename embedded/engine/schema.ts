/**
 * The app's schema: read from `schema.export()`, applied to the store (tables, indexes, existing documents).
 */
import { MAX_INDEXES_PER_TABLE } from "../limits.ts";
import { componentKey, nameOfKey } from "../names.ts";
import type { JsonObject } from "../values/json.ts";
import { AFTER_PREFIX, encodeValue } from "../values/keys.ts";
import { applySearchIndexes, type SearchDefinition } from "./search/indexes.ts";
import { DUE_INDEX, SCHEDULED_TABLE, type Store } from "./store.ts";
import { findMismatch, type Validator } from "./validate.ts";

export type TableSchema = {
  name: string;
  indexes: { name: string; fields: string[] }[];
  searches: SearchDefinition[];
  documentType: Validator | null;
};
/** The tables of the app and of its components, by key. */
export type AppSchema = { tables: Map<string, TableSchema> };

type ExportedSchema = {
  tables: {
    tableName: string;
    indexes: { indexDescriptor: string; fields: string[] }[];
    searchIndexes?: { indexDescriptor: string; searchField: string; filterFields: string[] }[];
    vectorIndexes?: {
      indexDescriptor: string;
      vectorField: string;
      dimensions: number;
      filterFields: string[];
    }[];
    documentType: Validator | null;
  }[];
  schemaValidation: boolean;
};

export class SchemaError extends Error {
  override name = "SchemaError";
}

/** One component's schema, as `schema.export()` gives it. */
export type ComponentSchema = { component: string; exported: string };

/** A table's `documentType` is null when the app switched `schemaValidation` off. */
export function parseSchemas(schemas: ComponentSchema[]): AppSchema {
  const tables = new Map<string, TableSchema>();
  for (const { component, exported } of schemas) {
    const schema = JSON.parse(exported) as ExportedSchema;
    for (const table of schema.tables) {
      const key = componentKey(component, table.tableName);
      const enforced = schema.schemaValidation && table.documentType !== null;
      tables.set(key, {
        name: key,
        indexes: table.indexes.map((index) => ({ name: index.indexDescriptor, fields: index.fields })),
        searches: searchesOf(table),
        documentType: enforced ? inComponent(component, table.documentType as Validator) : null,
      });
    }
  }
  return { tables };
}

function searchesOf(table: ExportedSchema["tables"][number]): SearchDefinition[] {
  const texts = (table.searchIndexes ?? []).map((index) => ({
    name: index.indexDescriptor,
    kind: "text" as const,
    field: index.searchField,
    filterFields: index.filterFields,
  }));
  const vectors = (table.vectorIndexes ?? []).map((index) => ({
    name: index.indexDescriptor,
    kind: "vector" as const,
    field: index.vectorField,
    filterFields: index.filterFields,
    dimensions: index.dimensions,
  }));
  return [...texts, ...vectors];
}

/** A validator of a component's code: ids are of the component's own tables. */
export function inComponent(component: string, validator: Validator): Validator {
  if (component === "") return validator;
  return JSON.parse(JSON.stringify(validator), (_key, value: unknown) => {
    const id = value as { type?: unknown; tableName?: unknown } | null;
    return id?.type === "id" && typeof id.tableName === "string"
      ? { ...id, tableName: componentKey(component, id.tableName) }
      : value;
  }) as Validator;
}

/**
 * Makes the store fit the schema, inside a transaction: creates tables, adds and fills new indexes, drops old ones,
 * checks every existing document. Throws SchemaError if a document doesn't fit; then the transaction is to be undone.
 */
export function applySchema(store: Store, schema: AppSchema | null): void {
  for (const table of schema?.tables.values() ?? []) store.ensureTable(table.name);
  for (const table of [...store.tables.values()]) {
    if (table.name.startsWith("_")) continue;
    applyIndexes(store, table.name, schema?.tables.get(table.name)?.indexes ?? []);
    applySearchIndexes(store, table.name, schema?.tables.get(table.name)?.searches ?? []);
    const validator = schema?.tables.get(table.name)?.documentType;
    if (validator) checkDocuments(store, table.name, validator);
  }
}

function applyIndexes(store: Store, tableName: string, wanted: TableSchema["indexes"]): void {
  if (wanted.length > MAX_INDEXES_PER_TABLE) {
    throw new SchemaError(
      `Table "${tableName}" has ${wanted.length} indexes; at most ${MAX_INDEXES_PER_TABLE} are allowed.`,
    );
  }
  const table = store.table(tableName);
  for (const index of [...table.indexes.values()]) {
    if (index.name === "by_id" || index.name === "by_creation_time") continue;
    if (nameOfKey(tableName) === SCHEDULED_TABLE && index.name === DUE_INDEX.name) continue;
    const declared = wanted.find((candidate) => candidate.name === index.name);
    const same =
      declared?.fields.every((field, i) => index.fields[i] === field) &&
      index.fields.length ===
        declared.fields.length + ["_creationTime", "_id"].filter((f) => !declared.fields.includes(f)).length;
    if (!same) store.dropIndex(index);
  }
  for (const index of wanted) {
    if (!table.indexes.has(index.name)) store.createIndex(tableName, index.name, index.fields);
  }
}

function documentProblem(store: Store, tableName: string, validator: Validator, json: string): string | null {
  const { _id, _creationTime, ...fields } = JSON.parse(json) as JsonObject;
  const problem = findMismatch(validator, fields, store.tableOfId);
  return problem === null
    ? null
    : `Document with ID "${String(_id)}" in table "${nameOfKey(tableName)}" does not match the schema: ${problem}`;
}

function checkDocuments(store: Store, tableName: string, validator: Validator): void {
  for (const row of store.rows(tableName)) {
    const problem = documentProblem(store, tableName, validator, row.json);
    if (problem !== null) throw new SchemaError(`Schema validation failed.\n${problem}`);
  }
}

/** Checked at a time, so that others are served in between. */
const CHECKED_AT_ONCE = 1_000;

/** Whether the next rows of a table, those after the id `after`, would fit a schema that is not in force yet. */
export function checkPortion(
  store: Store,
  schema: AppSchema,
  tableName: string,
  after: string | null,
): { problem: string | null; after: string | null } {
  const validator = schema.tables.get(tableName)?.documentType;
  const index = store.tables.get(tableName)?.indexes.get("by_id");
  if (!validator || !index) return { problem: null, after: null };
  const lo = after === null ? "" : encodeValue(after) + AFTER_PREFIX;
  const rows = store.scan(index.id, lo, AFTER_PREFIX, false, CHECKED_AT_ONCE);
  for (const { json } of rows) {
    const problem = documentProblem(store, tableName, validator, json);
    if (problem !== null) return { problem, after: null };
  }
  const last = rows.length === CHECKED_AT_ONCE ? (rows.at(-1)?.json ?? null) : null;
  return { problem: null, after: last === null ? null : (JSON.parse(last) as { _id: string })._id };
}
