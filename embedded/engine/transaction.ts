/**
 * One query or mutation's view of the store: it reads and writes documents, notes what was read (ranges of index
 * keys) and what was written (index keys before and after), and keeps to the limits.
 */
import {
  MAX_ARRAY_LENGTH,
  MAX_BYTES_READ,
  MAX_BYTES_WRITTEN,
  MAX_DOCUMENT_BYTES,
  MAX_DOCUMENTS_READ,
  MAX_DOCUMENTS_WRITTEN,
  MAX_NESTING,
  MAX_OBJECT_FIELDS,
  MAX_RANGES_READ,
} from "../limits.ts";
import { nameOfKey } from "../names.ts";
import { encodeInteger, type Json, type JsonObject, kindOf } from "../values/json.ts";
import { AFTER_PREFIX, encodeValue, toBlob } from "../values/keys.ts";
import { DeveloperError } from "./errors.ts";
import type { AppSchema } from "./schema.ts";
import { keepInStep } from "./search/indexes.ts";
import { type Entry, type IndexDefinition, indexKey, META_INDEX, type Store } from "./store.ts";
import { findMismatch } from "./validate.ts";

/** Keys k of the index with lo <= k < hi. */
export type ReadRange = { index: number; lo: string; hi: string };
export type Write = { index: number; key: string };

const CREATION_STEP_MS = 1 / 1024;

export class Transaction {
  readonly reads: ReadRange[] = [];
  readonly writes: Write[] = [];
  /** Jobs and their argument bytes scheduled so far, against the limits. */
  scheduled = { count: 0, bytes: 0 };
  metrics = { bytesRead: 0, documentsRead: 0, bytesWritten: 0, documentsWritten: 0, rangesRead: 0 };
  readonly store: Store;
  private readonly schema: AppSchema | null;
  private readonly nowMs: number;
  private chosenTs: bigint | null = null;

  constructor(store: Store, schema: AppSchema | null, nowMs: number) {
    this.store = store;
    this.schema = schema;
    this.nowMs = nowMs;
  }

  /** Notes a dependency that is no document, such as the existence of a table. */
  readMeta(name: string): void {
    this.reads.push({ index: META_INDEX, lo: name, hi: `${name}${AFTER_PREFIX}` });
  }

  private countRead(json: string): void {
    this.metrics.documentsRead += 1;
    this.metrics.bytesRead += json.length;
    if (this.metrics.documentsRead > MAX_DOCUMENTS_READ) {
      throw new DeveloperError(
        `Too many documents read in a single function execution (limit: ${MAX_DOCUMENTS_READ}). Consider using smaller limits in your queries, paginating your queries, or using indexed queries with a selective index range expressions.`,
      );
    }
    if (this.metrics.bytesRead > MAX_BYTES_READ) {
      throw new DeveloperError(
        `Too many bytes read in a single function execution (limit: ${MAX_BYTES_READ} bytes). Consider using smaller limits in your queries, paginating your queries, or using indexed queries with a selective index range expressions.`,
      );
    }
  }

  private countRange(): void {
    this.metrics.rangesRead += 1;
    if (this.metrics.rangesRead > MAX_RANGES_READ) {
      throw new DeveloperError(
        `Too many reads in a single function execution (limit: ${MAX_RANGES_READ}). Consider reading several documents with one indexed query.`,
      );
    }
  }

  /** The JSON text of a document; null if there is none. */
  get(tableName: string, id: string): string | null {
    const index = this.store.tables.get(tableName)?.indexes.get("by_id");
    if (!index) {
      this.readMeta(`table/${tableName}`);
      return null;
    }
    this.countRange();
    const key = encodeValue(id);
    this.reads.push({ index: index.id, lo: key, hi: key + AFTER_PREFIX });
    const row = this.store.find(tableName, id);
    if (row) this.countRead(row.json);
    return row?.json ?? null;
  }

  /**
   * Reads entries of an index between two keys. The caller notes the range that it really depended on with
   * `readRange`, since only the caller knows where it stopped.
   */
  scan(index: IndexDefinition, lo: string, hi: string, descending: boolean, limit: number): Entry[] {
    return this.store.scan(index.id, lo, hi, descending, limit);
  }

  consume(entry: Entry): void {
    this.countRead(entry.json);
  }

  readRange(index: IndexDefinition): ReadRange {
    this.countRange();
    const range = { index: index.id, lo: "", hi: "" };
    this.reads.push(range);
    return range;
  }

  /** With `keep`, a document that had its id and time before, as when it is imported. */
  insert(tableName: string, value: JsonObject, keep: { id?: string; creationTime?: number } = {}): string {
    if (this.store.ensureTable(tableName)) this.writes.push({ index: META_INDEX, key: `table/${tableName}` });
    for (const field of ["_id", "_creationTime"]) {
      if (Object.hasOwn(value, field)) {
        throw new DeveloperError(
          `Provided document ${JSON.stringify(value)} includes the system field \`${field}\`, which cannot be set when inserting into the table "${tableName}".`,
        );
      }
    }
    const id = keep.id ?? this.store.newId(tableName);
    const creation = keep.creationTime ?? Math.max(this.nowMs, this.store.lastCreation + CREATION_STEP_MS);
    if (keep.creationTime === undefined) this.store.lastCreation = creation;
    const document: JsonObject = { ...value, _id: id, _creationTime: creation };
    const json = this.check(tableName, document);
    const { lastInsertRowid } = this.store.run("INSERT INTO docs (json) VALUES (?)", json);
    for (const index of this.store.table(tableName).indexes.values()) {
      this.addEntry(index, document, Number(lastInsertRowid));
    }
    this.search(tableName, Number(lastInsertRowid), null, document);
    return id;
  }

  /** Fields that are `{$undefined: null}` are removed, the others set. */
  patch(tableName: string, id: string, changes: JsonObject): void {
    this.update(tableName, id, "patch", (old) => {
      const document = { ...old };
      for (const [name, value] of Object.entries(changes)) {
        if (kindOf(value) === "object" && "$undefined" in (value as JsonObject)) delete document[name];
        else document[name] = value;
      }
      return document;
    });
  }

  replace(tableName: string, id: string, value: JsonObject): void {
    this.update(tableName, id, "replace", (old) => ({
      ...value,
      _id: value._id ?? old._id ?? null,
      _creationTime: value._creationTime ?? old._creationTime ?? null,
    }));
  }

  private update(tableName: string, id: string, verb: string, change: (old: JsonObject) => JsonObject): void {
    this.noteIdRead(tableName, id);
    const row = this.store.find(tableName, id);
    if (!row)
      throw new DeveloperError(`${verb === "patch" ? "Update" : "Replace"} on nonexistent document ID ${id}`);
    const old = JSON.parse(row.json) as JsonObject;
    const document = change(old);
    if (document._id !== old._id) {
      throw new DeveloperError(
        `Provided \`_id\` field value "${String(document._id)}" does not match the document ID "${id}" in \`${verb}\`.`,
      );
    }
    if (document._creationTime !== old._creationTime) {
      throw new DeveloperError(
        `Provided \`_creationTime\` field value ${String(document._creationTime)} does not match the document's in \`${verb}\` of "${id}".`,
      );
    }
    const json = this.check(tableName, document);
    this.store.run("UPDATE docs SET json = ? WHERE doc = ?", json, row.rowid);
    for (const index of this.store.table(tableName).indexes.values()) {
      const before = indexKey(index, old);
      const after = indexKey(index, document);
      this.writes.push({ index: index.id, key: before });
      if (after === before) continue;
      this.store.run("DELETE FROM entries WHERE idx = ? AND key = ?", index.id, toBlob(before));
      this.addEntry(index, document, row.rowid);
    }
    this.search(tableName, row.rowid, old, document);
  }

  remove(tableName: string, id: string): void {
    this.noteIdRead(tableName, id);
    const row = this.store.find(tableName, id);
    if (!row) throw new DeveloperError(`Delete on nonexistent document ID ${id}`);
    this.countWrite(0);
    const old = JSON.parse(row.json) as JsonObject;
    for (const index of this.store.table(tableName).indexes.values()) {
      const key = indexKey(index, old);
      this.writes.push({ index: index.id, key });
      this.store.run("DELETE FROM entries WHERE idx = ? AND key = ?", index.id, toBlob(key));
    }
    this.search(tableName, row.rowid, old, null);
    this.store.run("DELETE FROM docs WHERE doc = ?", row.rowid);
  }

  private search(
    tableName: string,
    rowid: number,
    old: JsonObject | null,
    document: JsonObject | null,
  ): void {
    for (const index of keepInStep(this.store, tableName, rowid, old, document)) {
      this.writes.push({ index, key: "" });
    }
  }

  private noteIdRead(tableName: string, id: string): void {
    const index = this.store.tables.get(tableName)?.indexes.get("by_id");
    if (index) {
      const key = encodeValue(id);
      this.reads.push({ index: index.id, lo: key, hi: key + AFTER_PREFIX });
    }
  }

  private addEntry(index: IndexDefinition, document: JsonObject, rowid: number): void {
    const key = indexKey(index, document);
    this.writes.push({ index: index.id, key });
    this.store.run("INSERT INTO entries (idx, key, doc) VALUES (?, ?, ?)", index.id, toBlob(key), rowid);
  }

  private countWrite(bytes: number): void {
    this.metrics.documentsWritten += 1;
    this.metrics.bytesWritten += bytes;
    if (this.metrics.documentsWritten > MAX_DOCUMENTS_WRITTEN) {
      throw new DeveloperError(
        `Too many documents written in a single function execution (limit: ${MAX_DOCUMENTS_WRITTEN}). Split the work over several mutations.`,
      );
    }
    if (this.metrics.bytesWritten > MAX_BYTES_WRITTEN) {
      throw new DeveloperError(
        `Too many bytes written in a single function execution (limit: ${MAX_BYTES_WRITTEN} bytes). Split the work over several mutations.`,
      );
    }
  }

  /** When this transaction is committed, if it is. Nothing else commits before it. */
  get commitTs(): bigint {
    this.chosenTs ??= this.store.nextTs();
    return this.chosenTs;
  }

  /** `db.vars.commitTs` in a document becomes that time, at once: a document that is read back has it too. */
  private withCommitTs<T extends Json>(value: T): T {
    if (value === null || typeof value !== "object") return value;
    if (kindOf(value) === "commitTs") return encodeInteger(this.commitTs) as T;
    if (Array.isArray(value)) return value.map((inner) => this.withCommitTs(inner)) as unknown as T;
    for (const [name, inner] of Object.entries(value)) {
      if (inner === null || typeof inner !== "object") continue;
      const resolved = this.withCommitTs(inner as Json);
      if (resolved !== inner) (value as JsonObject)[name] = resolved;
    }
    return value;
  }

  /** Checks size, shape and schema; returns the text to store, fields sorted. */
  private check(tableName: string, given: JsonObject): string {
    checkShape(given, 1);
    const document = this.withCommitTs(given);
    for (const name of Object.keys(document)) {
      if (name.startsWith("_") && name !== "_id" && name !== "_creationTime") {
        throw new DeveloperError(
          `Field '${name}' starts with an underscore, which is only allowed for system fields like '_id'`,
        );
      }
    }
    const json = JSON.stringify(document);
    if (json.length > MAX_DOCUMENT_BYTES) {
      throw new DeveloperError(
        `Value is too large (${json.length} bytes > maximum size ${MAX_DOCUMENT_BYTES} bytes) in table "${tableName}".`,
      );
    }
    this.countWrite(json.length);
    const validator = this.schema?.tables.get(tableName)?.documentType;
    if (validator) {
      const { _id, _creationTime, ...fields } = document;
      const problem = findMismatch(validator, fields, this.store.tableOfId);
      if (problem !== null) {
        throw new DeveloperError(
          `Failed to insert or update a document in table "${nameOfKey(tableName)}" because it does not match the schema: ${problem}`,
        );
      }
    }
    return json;
  }
}

/** Limits of size that hold inside a document. */
function checkShape(value: Json, depth: number): void {
  if (value === null || typeof value !== "object") return;
  if (depth > MAX_NESTING) {
    throw new DeveloperError(
      `Document is too nested (maximum nesting ${MAX_NESTING}). Flatten it or use a second table.`,
    );
  }
  if (Array.isArray(value)) {
    if (value.length > MAX_ARRAY_LENGTH) {
      throw new DeveloperError(
        `Array length is too long (${value.length} > maximum length ${MAX_ARRAY_LENGTH}). Use a second table with one document per element.`,
      );
    }
    for (const inner of value) checkShape(inner, depth + 1);
    return;
  }
  const fields = Object.values(value);
  if (fields.length > MAX_OBJECT_FIELDS) {
    throw new DeveloperError(
      `Object has too many fields (${fields.length} > maximum number ${MAX_OBJECT_FIELDS}). Use a second table with one document per field.`,
    );
  }
  for (const inner of fields) checkShape(inner, depth + 1);
}
