/**
 * Puts parsed documents into the database: one transaction, so that others see all of an import or nothing of it.
 *
 * Ids and creation times are kept. A table gets the number that its ids say, if it is new or to be replaced.
 */
import { closeSync, openSync, readSync } from "node:fs";
import type { Store } from "../engine/store.ts";
import type { Transaction } from "../engine/transaction.ts";
import { componentKey } from "../names.ts";
import type { FileRecords } from "../storage/fileRecords.ts";
import { tableNumberOf } from "../values/ids.ts";
import type { JsonObject } from "../values/json.ts";
import type { Parsed, ParsedTable } from "./transferThread.ts";

export type ImportMode = "requireEmpty" | "append" | "replace" | "replaceAll";

/** The import can't be done; the text names table, line and what is wrong. */
export class ImportError extends Error {
  override name = "ImportError";
}

const TABLE_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;

/** Inside a transaction. Returns how many documents were written. Throws ImportError. */
export function applyImport(
  store: Store,
  transaction: Transaction,
  records: FileRecords,
  parsed: Parsed,
  mode: ImportMode,
): number {
  const keys = parsed.tables.map(({ component, table }) => componentKey(component, table));
  for (const { table } of parsed.tables) {
    if (!TABLE_NAME.test(table) && table !== "_storage") {
      throw new ImportError(
        `"${table}" is no name for a table: letters, digits and underscores, at most 64.`,
      );
    }
  }
  if (mode === "replaceAll") {
    for (const { name } of [...store.tables.values()]) if (!name.startsWith("_")) store.clear(name);
  }
  for (const [i, key] of keys.entries()) {
    const { table } = parsed.tables[i] as ParsedTable;
    if (mode === "replace" && !key.startsWith("_")) store.clear(key);
    if (mode === "requireEmpty" && !key.startsWith("_") && !isEmpty(store, key)) {
      throw new ImportError(
        `Table "${table}" already has documents. Say what to do with them: --append, or --replace.`,
      );
    }
  }
  for (const { component, table, number } of parsed.numbers) {
    const key = componentKey(component, table);
    if (isEmpty(store, key)) renumber(store, key, number);
  }
  let written = 0;
  for (const table of parsed.tables) {
    written +=
      table.table === "_storage"
        ? importFiles(store, transaction, records, parsed, table)
        : importTable(store, transaction, table);
  }
  return written;
}

function isEmpty(store: Store, key: string): boolean {
  return !store.tables.has(key) || store.rows(key).next().done === true;
}

function renumber(store: Store, key: string, number: number): void {
  store.ensureTable(key);
  const table = store.table(key);
  if (table.number === number) return;
  const other = [...store.tables.values()].find((candidate) => candidate.number === number);
  if (other && !isEmpty(store, other.name)) {
    throw new ImportError(
      `The ids of table "${key}" belong to table "${other.name}" here, which has documents. Import into a new deployment, or with --replace-all.`,
    );
  }
  if (other) store.renumber(other.name, null);
  store.renumber(key, number);
}

function importTable(
  store: Store,
  transaction: Transaction,
  { component, table, file }: ParsedTable,
): number {
  const key = componentKey(component, table);
  store.ensureTable(key);
  const seen = new Set<string>();
  let line = 0;
  for (const text of lines(file)) {
    line += 1;
    const { _id, _creationTime, ...fields } = JSON.parse(text) as JsonObject;
    const at = `Table "${table}", document ${line}`;
    let keep: { id?: string; creationTime?: number } = {};
    if (_id !== undefined) keep = { id: checkId(store, key, _id, seen, at) };
    if (_creationTime !== undefined) keep.creationTime = checkTime(_creationTime, at);
    try {
      transaction.insert(key, fields, keep);
    } catch (error) {
      throw new ImportError(`${at}: ${(error as Error).message}`);
    }
    // The limits are for functions; and everybody is told anew afterwards.
    transaction.metrics.documentsWritten = 0;
    transaction.metrics.bytesWritten = 0;
    transaction.writes.length = 0;
  }
  return line;
}

function checkId(store: Store, key: string, id: unknown, seen: Set<string>, at: string): string {
  if (typeof id !== "string" || tableNumberOf(id) === null) {
    throw new ImportError(`${at}: _id ${JSON.stringify(id)} is no document id.`);
  }
  const number = tableNumberOf(id) as number;
  if (number !== store.table(key).number) {
    if (!isEmpty(store, key)) {
      throw new ImportError(`${at}: _id "${id}" belongs to another table. Leave _id out to get new ids.`);
    }
    renumber(store, key, number);
  }
  if (seen.has(id) || store.find(key, id))
    throw new ImportError(`${at}: a document with _id "${id}" is there already.`);
  seen.add(id);
  return id;
}

function checkTime(time: unknown, at: string): number {
  if (typeof time !== "number" || !Number.isFinite(time)) {
    throw new ImportError(
      `${at}: _creationTime must be a number of milliseconds, not ${JSON.stringify(time)}.`,
    );
  }
  return time;
}

function importFiles(
  store: Store,
  transaction: Transaction,
  records: FileRecords,
  parsed: Parsed,
  { component, file }: ParsedTable,
): number {
  let count = 0;
  for (const text of lines(file)) {
    const { _id, _creationTime, contentType, sha256 } = JSON.parse(text) as JsonObject;
    const id = String(_id);
    const content = parsed.files.find((stored) => stored.component === component && stored.id === id);
    if (!content)
      throw new ImportError(`File ${id} is listed in _storage, but its content is not in the zip.`);
    const key = componentKey(component, "_storage");
    if (store.find(key, id)) continue;
    const number = tableNumberOf(id);
    if (number !== store.table(key).number)
      throw new ImportError(`File ${id}: this is no id of _storage here.`);
    const type = typeof contentType === "string" ? contentType : null;
    const known = records.addFromDisk(transaction, component, content.file, type, {
      id,
      creationTime: checkTime(_creationTime, `File ${id}`),
    });
    if (typeof sha256 === "string" && known !== sha256) {
      throw new ImportError(`File ${id} is damaged: its checksum is not the one that _storage lists.`);
    }
    count += 1;
  }
  return count;
}

/** The lines of a file, read in portions. */
function* lines(path: string): Generator<string> {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(1 << 20);
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const size = readSync(file, buffer);
      if (size === 0) break;
      rest = Buffer.concat([rest, buffer.subarray(0, size)]);
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        yield rest.subarray(0, end).toString("utf8");
        rest = rest.subarray(end + 1);
      }
    }
    if (rest.length > 0) yield rest.toString("utf8");
  } finally {
    closeSync(file);
  }
}
