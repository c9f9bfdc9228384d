/**
 * Text and vector indexes: which there are, and keeping them in step with the documents.
 *
 *   search_indexes   id -> table key, name, definition
 *   search_<id>      one full text table of SQLite (FTS5) per text index; its rows have the documents' numbers
 *   vectors          (vector index, document) -> the vector, of length 1, as packed 32-bit floats
 *
 * All of it takes part in the transaction, so a function finds what it has just written, and a roll-back undoes it.
 */
import { nameOfKey } from "../../names.ts";
import { fieldAt, type Json, type JsonObject } from "../../values/json.ts";
import { encodeValue } from "../../values/keys.ts";
import type { Store } from "../store.ts";
import { filterToken } from "./words.ts";

export type TextDefinition = { kind: "text"; field: string; filterFields: string[] };
export type VectorDefinition = { kind: "vector"; field: string; filterFields: string[]; dimensions: number };
export type SearchDefinition = { name: string } & (TextDefinition | VectorDefinition);
export type SearchIndex = { id: number; table: string } & SearchDefinition;

/** Read sets know search indexes by numbers below zero, where ordinary indexes have none. */
export function readSetIndex(index: SearchIndex): number {
  return -index.id;
}

export const SEARCH_DDL = `
  CREATE TABLE IF NOT EXISTS search_indexes (id INTEGER PRIMARY KEY AUTOINCREMENT, tbl TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL, UNIQUE (tbl, name));
  CREATE TABLE IF NOT EXISTS vectors (idx INTEGER NOT NULL, doc INTEGER NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (idx, doc)) WITHOUT ROWID;
`;

export function readSearchIndexes(store: Store): SearchIndex[] {
  return store.all("SELECT id, tbl, name, definition FROM search_indexes").map((row) => ({
    ...(JSON.parse(String(row.definition)) as SearchDefinition),
    id: Number(row.id),
    table: String(row.tbl),
    name: String(row.name),
  }));
}

/** Makes a table's search indexes those of the schema, and fills new ones; inside a transaction. */
export function applySearchIndexes(store: Store, table: string, wanted: SearchDefinition[]): void {
  const indexes = store.table(table).searches;
  for (const index of [...indexes.values()]) {
    const declared = wanted.find(({ name }) => name === index.name);
    const { id, table: _table, ...definition } = index;
    if (!declared || JSON.stringify(sorted(declared)) !== JSON.stringify(sorted(definition))) {
      store.run("DELETE FROM search_indexes WHERE id = ?", id);
      if (index.kind === "text") store.run(`DROP TABLE search_${id}`);
      else store.run("DELETE FROM vectors WHERE idx = ?", id);
      indexes.delete(index.name);
    }
  }
  for (const definition of wanted) if (!indexes.has(definition.name)) create(store, table, definition);
}

function sorted(definition: SearchDefinition): [string, unknown][] {
  return Object.entries(definition).sort(([a], [b]) => (a < b ? -1 : 1));
}

function create(store: Store, table: string, definition: SearchDefinition): void {
  const { lastInsertRowid } = store.run(
    "INSERT INTO search_indexes (tbl, name, definition) VALUES (?, ?, ?)",
    table,
    definition.name,
    JSON.stringify(definition),
  );
  const index: SearchIndex = { ...definition, id: Number(lastInsertRowid), table };
  if (index.kind === "text") {
    store.run(
      `CREATE VIRTUAL TABLE search_${index.id} USING fts5(words, filters, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 0')`,
    );
  }
  store.table(table).searches.set(index.name, index);
  for (const row of store.rows(table)) add(store, index, row.rowid, JSON.parse(row.json) as JsonObject);
}

/** A document has come (`before` is null), changed, or gone (`after` is null). */
export function keepInStep(
  store: Store,
  table: string,
  rowid: number,
  before: JsonObject | null,
  after: JsonObject | null,
): number[] {
  const { searches } = store.table(table);
  const touched: number[] = [];
  for (const index of searches.values()) {
    touched.push(readSetIndex(index));
    const same = before && after && fingerprint(index, before) === fingerprint(index, after);
    if (same) continue;
    if (before) remove(store, index, rowid);
    if (after) add(store, index, rowid, after);
  }
  return touched;
}

function fingerprint(index: SearchIndex, document: JsonObject): string {
  const fields = index.kind === "text" ? [index.field, ...index.filterFields] : [index.field];
  return fields.map((field) => encodeValue(fieldAt(document, field))).join("");
}

/** Forgets all documents, as their table is emptied. */
export function clearSearch(store: Store, index: SearchIndex): void {
  if (index.kind === "text")
    store.run(`INSERT INTO search_${index.id} (search_${index.id}) VALUES ('delete-all')`);
  else store.run("DELETE FROM vectors WHERE idx = ?", index.id);
}

function remove(store: Store, index: SearchIndex, rowid: number): void {
  if (index.kind === "text") store.run(`DELETE FROM search_${index.id} WHERE rowid = ?`, rowid);
  else store.run("DELETE FROM vectors WHERE idx = ? AND doc = ?", index.id, rowid);
}

function add(store: Store, index: SearchIndex, rowid: number, document: JsonObject): void {
  const value = fieldAt(document, index.field);
  if (index.kind === "text") {
    // Documents without text there are in no search.
    if (typeof value !== "string") return;
    const filters = index.filterFields.map((field, i) => filterToken(i, fieldAt(document, field))).join(" ");
    store.run(
      `INSERT INTO search_${index.id} (rowid, words, filters) VALUES (?, ?, ?)`,
      rowid,
      value,
      filters,
    );
    return;
  }
  const vector = packed(value, index.dimensions);
  if (vector) store.run("INSERT INTO vectors (idx, doc, vector) VALUES (?, ?, ?)", index.id, rowid, vector);
}

/** A vector as 32-bit floats with length 1; null for what is no vector of these dimensions, which isn't found. */
export function packed(value: Json | undefined, dimensions: number): Uint8Array | null {
  if (!Array.isArray(value) || value.length !== dimensions) return null;
  const floats = new Float32Array(dimensions);
  let squares = 0;
  for (const [i, part] of value.entries()) {
    if (typeof part !== "number") return null;
    floats[i] = part;
    squares += part * part;
  }
  const length = Math.sqrt(squares);
  if (length > 0) for (let i = 0; i < dimensions; i++) floats[i] = (floats[i] ?? 0) / length;
  return new Uint8Array(floats.buffer);
}

export function findSearchIndex(store: Store, name: string, kind: "text" | "vector"): SearchIndex | null {
  const dot = name.lastIndexOf(".");
  const index = store.tables.get(name.slice(0, dot))?.searches.get(name.slice(dot + 1));
  return index?.kind === kind ? index : null;
}

/** `table.index` as the app knows it. */
export function shownName(name: string): string {
  const dot = name.lastIndexOf(".");
  return `${nameOfKey(name.slice(0, dot))}.${name.slice(dot + 1)}`;
}
