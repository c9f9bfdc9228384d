/**
 * The deployment's state in one SQLite file.
 *
 *   clock      one row: timestamp of the last commit (ns), last `_creationTime` (ms)
 *   tables     number -> key (`name`, or `name@component`); user tables count from 10001, system tables below
 *   indexes    id -> table, name, fields; every table has by_id and by_creation_time
 *   docs       every document as JSON text
 *   entries    (index id, key) -> document; keys as in values/keys.ts, ended by _creationTime and _id
 *   requests   outcome of each mutation that carried (session, request), for replays after a reconnect
 *   files      uuid of each stored file -> the id of its document; see storage/fileRecords.ts
 *   secrets    what signs upload URLs
 *   env        environment variables
 *   crons      when each cron job runs next
 *   app        one row: the app that runs, as it was pushed or bundled last
 *
 * WAL with synchronous=NORMAL: a commit is in the operating system's hands when it is acknowledged, so killing
 * the process loses nothing; a power cut may lose the last commits but not the consistency of the file.
 *
 * On a full disk SQLite may roll a transaction back by itself, in the middle of a function that catches the error and
 * goes on. So after an error of SQLite nothing more is written, nor committed, until the next transaction begins.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { MAX_INDEX_FIELDS } from "../limits.ts";
import { componentKey } from "../names.ts";
import { TRANSFER_DDL } from "../transfer/state.ts";
import { newId, tableNumberOf } from "../values/ids.ts";
import { fieldAt, type JsonObject } from "../values/json.ts";
import { encodeValue, fromBlob, toBlob } from "../values/keys.ts";
import { StorageError } from "./errors.ts";
import { clearSearch, readSearchIndexes, SEARCH_DDL, type SearchIndex } from "./search/indexes.ts";

export const SCHEDULED_TABLE = "_scheduled_functions";
const SYSTEM_TABLES: ReadonlyMap<string, number> = new Map([
  [SCHEDULED_TABLE, 10],
  ["_storage", 11],
]);
/** System tables of components have the numbers from here on, below those of user tables. */
const FIRST_COMPONENT_TABLE = 512;
const FIRST_USER_TABLE = 10_001;
/** The scheduler's own way to find what is due; by state, then time. */
export const DUE_INDEX = { name: "by_state_and_time", fields: ["state.kind", "scheduledTime"] };
/** Read sets name this pseudo-index for facts that are no documents: which tables exist, environment variables. */
export const META_INDEX = 0;
const FORMAT_VERSION = 2;

export type IndexDefinition = { id: number; table: string; name: string; fields: string[] };
export type Table = {
  number: number;
  name: string;
  indexes: Map<string, IndexDefinition>;
  searches: Map<string, SearchIndex>;
};
export type Row = { rowid: number; json: string };
export type Entry = { key: string; json: string };

const DDL = `
  CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), ts INTEGER NOT NULL, creation REAL NOT NULL);
  CREATE TABLE IF NOT EXISTS tables (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS indexes (id INTEGER PRIMARY KEY, tbl TEXT NOT NULL, name TEXT NOT NULL, fields TEXT NOT NULL, UNIQUE (tbl, name));
  CREATE TABLE IF NOT EXISTS docs (doc INTEGER PRIMARY KEY, json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS entries (idx INTEGER NOT NULL, key BLOB NOT NULL, doc INTEGER NOT NULL, PRIMARY KEY (idx, key)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS requests (session TEXT NOT NULL, request INTEGER NOT NULL, ts INTEGER NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (session, request)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS files (uuid TEXT PRIMARY KEY, id TEXT UNIQUE) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS env (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS crons (name TEXT PRIMARY KEY, spec TEXT NOT NULL, next REAL NOT NULL, job TEXT) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS app (one INTEGER PRIMARY KEY CHECK (one = 1), hash TEXT NOT NULL, json BLOB NOT NULL);
`;

/** SQLite's primary result codes for what is the disk's fault: IOERR, FULL, CANTOPEN, READONLY. */
const DISK_CODES = new Set([10, 13, 14, 8]);
const FULL = 13;

/** What went wrong with the disk, and what to do, or the error as it is when it is something else. */
function explain(error: unknown): Error {
  const { errcode, message } = error as { errcode?: number; message: string };
  if (errcode === undefined || !DISK_CODES.has(errcode & 0xff)) return error as Error;
  const what =
    errcode === FULL
      ? "The disk that holds this deployment's data is full"
      : `This deployment's data can't be written or read (${message}, SQLite code ${errcode}); the disk may be full, or over a quota`;
  return new StorageError(
    `${what}: free some space there. Nothing of what was asked has been saved; it can be asked again, and works as soon as there is space.`,
  );
}

export class Store {
  readonly db: DatabaseSync;
  readonly tables = new Map<string, Table>();
  private readonly tableByNumber = new Map<number, Table>();
  /** Nanoseconds of the last commit; never goes backwards, across restarts and clock steps. */
  lastTs = 0n;
  lastCreation = 0;
  private readonly statements = new Map<string, StatementSync>();
  /** The first error of SQLite in the current transaction, which makes the transaction void. */
  failure: Error | null = null;
  private changed = false;
  /** Told after each transaction, whether it was committed or not. */
  onSettled: () => void = () => {};

  /** Throws StorageError. A file that is up to date is not written to, so that it opens on a full disk too. */
  constructor(file: string) {
    try {
      this.db = new DatabaseSync(file);
      this.db.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;",
      );
    } catch (error) {
      throw explain(error);
    }
    const format = Number(this.one("PRAGMA user_version")?.user_version ?? 0);
    if (format > FORMAT_VERSION) {
      throw new Error(
        `the data file ${file} has format ${format}, newer than this program knows (${FORMAT_VERSION}); run the newer program or choose another --data folder`,
      );
    }
    if (format < FORMAT_VERSION) this.create();
    this.reload();
    this.transact(() => this.ensureSystemTables(""));
  }

  /** Every component has system tables of its own. Inside a transaction. */
  ensureSystemTables(component: string): void {
    for (const name of SYSTEM_TABLES.keys()) this.ensureTable(componentKey(component, name));
    const scheduled = componentKey(component, SCHEDULED_TABLE);
    if (!this.table(scheduled).indexes.has(DUE_INDEX.name)) {
      this.createIndex(scheduled, DUE_INDEX.name, DUE_INDEX.fields);
    }
  }

  private create(): void {
    try {
      this.db.exec(
        `BEGIN; ${DDL} ${SEARCH_DDL} ${TRANSFER_DDL} PRAGMA user_version = ${FORMAT_VERSION}; COMMIT;`,
      );
    } catch (error) {
      this.rollback();
      throw explain(error);
    }
  }

  /** Reads the catalogue again, after a roll-back that may have undone part of it. */
  reload(): void {
    const tables = this.all("SELECT number, name FROM tables");
    const indexes = this.all("SELECT id, tbl, name, fields FROM indexes");
    this.tables.clear();
    this.tableByNumber.clear();
    for (const row of tables) {
      this.register({
        number: Number(row.number),
        name: String(row.name),
        indexes: new Map(),
        searches: new Map(),
      });
    }
    for (const row of indexes) {
      const definition = {
        id: Number(row.id),
        table: String(row.tbl),
        name: String(row.name),
        fields: JSON.parse(String(row.fields)) as string[],
      };
      this.tables.get(definition.table)?.indexes.set(definition.name, definition);
    }
    for (const index of readSearchIndexes(this))
      this.tables.get(index.table)?.searches.set(index.name, index);
    const clock = this.prepare("SELECT ts, creation FROM clock");
    clock.setReadBigInts(true);
    const row = clock.get();
    if (row) {
      this.lastTs = BigInt(row.ts as bigint) > this.lastTs ? BigInt(row.ts as bigint) : this.lastTs;
      this.lastCreation = Math.max(this.lastCreation, Number(row.creation));
    }
  }

  private prepare(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) {
      statement = this.db.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  one(sql: string, ...parameters: (string | number | bigint | Uint8Array)[]) {
    try {
      return this.prepare(sql).get(...parameters) as Record<string, unknown> | undefined;
    } catch (error) {
      throw this.failed(error);
    }
  }

  all(sql: string, ...parameters: (string | number | bigint | Uint8Array)[]) {
    try {
      return this.prepare(sql).all(...parameters) as Record<string, unknown>[];
    } catch (error) {
      throw this.failed(error);
    }
  }

  run(sql: string, ...parameters: (string | number | bigint | Uint8Array | null)[]) {
    if (this.failure) throw this.failure;
    this.changed = true;
    try {
      return this.prepare(sql).run(...parameters);
    } catch (error) {
      throw this.failed(error);
    }
  }

  private failed(error: unknown): Error {
    const told = explain(error);
    this.failure ??= told;
    return told;
  }

  begin(): void {
    this.failure = null;
    this.run("BEGIN IMMEDIATE");
    this.changed = false;
  }

  /** A transaction of the deployment itself. Without a change there is no commit, and no need of the disk. */
  transact(work: () => void): void {
    this.begin();
    try {
      work();
      if (this.changed) this.commit(this.nextTs());
      else this.rollback();
    } catch (error) {
      this.rollback();
      this.reload();
      throw error;
    }
  }

  /** The timestamp of the next commit: now, but always later than the last one. */
  nextTs(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n;
    return now > this.lastTs ? now : this.lastTs + 1n;
  }

  commit(ts: bigint): void {
    this.run(
      "INSERT INTO clock (one, ts, creation) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET ts = excluded.ts, creation = excluded.creation",
      ts,
      this.lastCreation,
    );
    this.run("COMMIT");
    this.lastTs = ts;
    this.onSettled();
  }

  /** SQLite may have rolled back by itself, in a COMMIT that failed or on a full disk. */
  rollback(): void {
    if (this.db.isTransaction) this.db.exec("ROLLBACK");
    this.onSettled();
  }

  private register(table: Table): void {
    this.tables.set(table.name, table);
    this.tableByNumber.set(table.number, table);
  }

  /** Creates the table unless it exists; inside a transaction. Returns true if it was created. */
  ensureTable(name: string): boolean {
    if (this.tables.has(name)) return false;
    const system = name.startsWith("_");
    const [first, end] = system ? [FIRST_COMPONENT_TABLE, FIRST_USER_TABLE] : [FIRST_USER_TABLE, 2 ** 31];
    const highest = this.one(
      "SELECT max(number) AS n FROM tables WHERE number >= ? AND number < ?",
      first,
      end,
    );
    const number = SYSTEM_TABLES.get(name) ?? (highest?.n ? Number(highest.n) + 1 : first);
    this.run("INSERT INTO tables (number, name) VALUES (?, ?)", number, name);
    this.register({ number, name, indexes: new Map(), searches: new Map() });
    this.createIndex(name, "by_id", ["_id"]);
    this.createIndex(name, "by_creation_time", ["_creationTime", "_id"]);
    return true;
  }

  /** Declares an index and fills it from the documents there are; inside a transaction. */
  createIndex(tableName: string, name: string, fields: string[]): IndexDefinition {
    if (fields.length > MAX_INDEX_FIELDS) {
      throw new Error(
        `index "${tableName}.${name}" has ${fields.length} fields; at most ${MAX_INDEX_FIELDS} are allowed`,
      );
    }
    const table = this.table(tableName);
    const tail = ["_creationTime", "_id"].filter((field) => !fields.includes(field));
    const full = name === "by_id" ? ["_id"] : [...fields, ...tail];
    const { lastInsertRowid } = this.run(
      "INSERT INTO indexes (tbl, name, fields) VALUES (?, ?, ?)",
      tableName,
      name,
      JSON.stringify(full),
    );
    const definition = { id: Number(lastInsertRowid), table: tableName, name, fields: full };
    table.indexes.set(name, definition);
    if (name !== "by_id") {
      for (const row of this.rows(tableName)) {
        const key = indexKey(definition, JSON.parse(row.json) as JsonObject);
        this.run(
          "INSERT INTO entries (idx, key, doc) VALUES (?, ?, ?)",
          definition.id,
          toBlob(key),
          row.rowid,
        );
      }
    }
    return definition;
  }

  dropIndex(definition: IndexDefinition): void {
    this.run("DELETE FROM entries WHERE idx = ?", definition.id);
    this.run("DELETE FROM indexes WHERE id = ?", definition.id);
    this.tables.get(definition.table)?.indexes.delete(definition.name);
  }

  table(name: string): Table {
    const table = this.tables.get(name);
    if (!table) throw new Error(`table "${name}" does not exist`);
    return table;
  }

  tableOfId = (id: string): string | null => {
    const number = tableNumberOf(id);
    return number === null ? null : (this.tableByNumber.get(number)?.name ?? null);
  };

  /** Documents and bytes of every user table. */
  sizes(): { table: string; documents: number; bytes: number }[] {
    return [...this.tables.values()]
      .filter((table) => !table.name.startsWith("_"))
      .map((table) => {
        const row = this.one(
          "SELECT count(*) AS documents, coalesce(sum(length(d.json)), 0) AS bytes FROM entries e JOIN docs d ON d.doc = e.doc WHERE e.idx = ?",
          table.indexes.get("by_id")?.id ?? 0,
        );
        return { table: table.name, documents: Number(row?.documents), bytes: Number(row?.bytes) };
      });
  }

  /** Removes all documents of a table; inside a transaction. Nobody is told which. */
  clear(name: string): void {
    const table = this.tables.get(name);
    const byId = table?.indexes.get("by_id");
    if (!table || !byId) return;
    for (const index of table.searches.values()) clearSearch(this, index);
    this.run("DELETE FROM docs WHERE doc IN (SELECT doc FROM entries WHERE idx = ?)", byId.id);
    for (const index of table.indexes.values()) this.run("DELETE FROM entries WHERE idx = ?", index.id);
  }

  /** Gives an empty table another number, or with null one that nobody has; inside a transaction. */
  renumber(name: string, number: number | null): void {
    const table = this.table(name);
    const highest = Number(this.one("SELECT max(number) AS n FROM tables")?.n);
    this.tableByNumber.delete(table.number);
    const given = number ?? highest + 1;
    this.run("UPDATE tables SET number = ? WHERE name = ?", given, name);
    table.number = given;
    this.tableByNumber.set(given, table);
  }

  newId(tableName: string): string {
    return newId(this.table(tableName).number);
  }

  /** All documents of a table in order of id, in portions, so that a large table fits in memory. */
  *rows(tableName: string): Generator<Row> {
    const index = this.table(tableName).indexes.get("by_id");
    if (!index) return;
    let after: Uint8Array = new Uint8Array();
    for (;;) {
      const rows = this.all(
        "SELECT e.key AS key, e.doc AS doc, d.json AS json FROM entries e JOIN docs d ON d.doc = e.doc WHERE e.idx = ? AND e.key > ? ORDER BY e.key LIMIT 500",
        index.id,
        after,
      );
      for (const row of rows) yield { rowid: Number(row.doc), json: String(row.json) };
      const last = rows.at(-1);
      if (!last) return;
      after = last.key as Uint8Array;
    }
  }

  find(tableName: string, id: string): Row | null {
    const index = this.tables.get(tableName)?.indexes.get("by_id");
    if (!index) return null;
    const row = this.one(
      "SELECT e.doc AS doc, d.json AS json FROM entries e JOIN docs d ON d.doc = e.doc WHERE e.idx = ? AND e.key = ?",
      index.id,
      toBlob(encodeValue(id)),
    );
    return row ? { rowid: Number(row.doc), json: String(row.json) } : null;
  }

  /** Entries of one index with lo <= key < hi, in key order or against it, at most `limit`. */
  scan(index: number, lo: string, hi: string, descending: boolean, limit: number): Entry[] {
    const rows = this.all(
      `SELECT e.key AS key, d.json AS json FROM entries e JOIN docs d ON d.doc = e.doc
       WHERE e.idx = ? AND e.key >= ? AND e.key < ? ORDER BY e.key ${descending ? "DESC" : "ASC"} LIMIT ?`,
      index,
      toBlob(lo),
      toBlob(hi),
      limit,
    );
    return rows.map((row) => ({ key: fromBlob(row.key as Uint8Array), json: String(row.json) }));
  }
}

export function indexKey(definition: IndexDefinition, document: JsonObject): string {
  let key = "";
  for (const field of definition.fields) key += encodeValue(fieldAt(document, field));
  return key;
}
