/**
 * The database's side of stored files, in its thread.
 *
 * A file is a document of `_storage` {sha256 (base64), size, contentType?}, and a row of the table `files`: its uuid,
 * which is the file's name and the secret of its URL, and the document's id. A deleted file keeps its row, without the
 * id, until the file itself is removed: after the commit of the transaction that deleted it, or at the next start.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { StorageError } from "../engine/errors.ts";
import type { Store } from "../engine/store.ts";
import type { Transaction } from "../engine/transaction.ts";
import { componentKey } from "../names.ts";
import type { JsonObject } from "../values/json.ts";
import type { FileFolder, NewFile } from "./fileFolder.ts";

export const STORAGE_TABLE = "_storage";
const UPLOAD_SECRET = "upload";

/** What is known of a stored file. */
export type FileRecord = {
  id: string;
  uuid: string;
  size: number;
  sha256: string;
  contentType: string | null;
};

export class FileRecords {
  readonly folder: FileFolder;
  /** Where files are fetched from and sent to. */
  readonly cloudUrl: string;
  private readonly store: Store;
  /** Files that the current transaction wrote; those that it doesn't keep are removed after it. */
  private written: string[] = [];
  /** The current transaction deleted files. */
  private deleted = false;

  constructor(store: Store, folder: FileFolder, cloudUrl: string) {
    this.store = store;
    this.folder = folder;
    this.cloudUrl = cloudUrl;
    store.onSettled = () => this.settle();
  }

  /** A document and a row for a file that lies in the folder; with a given id and time, as when it is imported. */
  add(
    transaction: Transaction,
    component: string,
    file: NewFile,
    keep?: { id: string; creationTime: number },
  ): string {
    const { uuid, sha256, size, contentType } = file;
    const fields: JsonObject = { sha256, size, ...(contentType !== null && { contentType }) };
    const id = transaction.insert(componentKey(component, STORAGE_TABLE), fields, keep);
    this.store.run("INSERT INTO files (uuid, id) VALUES (?, ?)", uuid, id);
    return id;
  }

  /** The same for a file that lies elsewhere on the disk. Returns its checksum. */
  addFromDisk(
    transaction: Transaction,
    component: string,
    path: string,
    contentType: string | null,
    keep: { id: string; creationTime: number },
  ): string {
    const file = this.folder.write(readFileSync(path), contentType);
    this.written.push(file.uuid);
    this.add(transaction, component, file, keep);
    return file.sha256;
  }

  /** The same for bytes, which are written now. */
  addBytes(
    transaction: Transaction,
    component: string,
    bytes: Uint8Array,
    contentType: string | null,
    expected: string | null,
  ): string | "mismatch" {
    let file: NewFile;
    try {
      file = this.folder.write(bytes, contentType);
    } catch (error) {
      // Whatever the function makes of it, the transaction fails as when the database can't be written.
      if (error instanceof StorageError) this.store.failure ??= error;
      throw error;
    }
    this.written.push(file.uuid);
    return expected !== null && expected !== file.sha256
      ? "mismatch"
      : this.add(transaction, component, file);
  }

  /** The file of a document; null if there is none. What depends on the document depends on this. */
  get(transaction: Transaction, component: string, id: string): FileRecord | null {
    const json = transaction.get(componentKey(component, STORAGE_TABLE), id);
    const row = json === null ? null : this.store.one("SELECT uuid FROM files WHERE id = ?", id);
    return json === null || !row ? null : record(String(row.uuid), json);
  }

  /** The file that is served under a uuid. */
  find(uuid: string): FileRecord | null {
    const row = this.store.one("SELECT id FROM files WHERE uuid = ? AND id IS NOT NULL", uuid);
    const id = row ? String(row.id) : "";
    const table = row ? this.store.tableOfId(id) : null;
    const document = table === null ? null : this.store.find(table, id);
    return document ? record(uuid, document.json) : null;
  }

  /** False if there is no such file. */
  remove(transaction: Transaction, component: string, id: string): boolean {
    const table = componentKey(component, STORAGE_TABLE);
    if (transaction.get(table, id) === null) return false;
    transaction.remove(table, id);
    this.store.run("UPDATE files SET id = NULL WHERE id = ?", id);
    this.deleted = true;
    return true;
  }

  /** The secret that signs upload URLs; made when it is first needed, inside a transaction. */
  uploadSecret(make: boolean): string | null {
    const row = this.store.one("SELECT value FROM secrets WHERE name = ?", UPLOAD_SECRET);
    if (row) return String(row.value);
    if (!make) return null;
    const secret = randomBytes(32).toString("hex");
    this.store.run("INSERT INTO secrets (name, value) VALUES (?, ?)", UPLOAD_SECRET, secret);
    return secret;
  }

  /** After a transaction, committed or not. */
  private settle(): void {
    const { written, deleted } = this;
    if (written.length === 0 && !deleted) return;
    this.written = [];
    this.deleted = false;
    for (const uuid of written) {
      if (!this.store.one("SELECT 1 FROM files WHERE uuid = ?", uuid)) this.folder.remove(uuid);
    }
    if (!deleted) return;
    try {
      for (const row of this.store.all("SELECT uuid FROM files WHERE id IS NULL")) {
        this.folder.remove(String(row.uuid));
      }
      this.store.db.exec("DELETE FROM files WHERE id IS NULL");
    } catch {
      // On a full disk the rows stay for the next time, or the next start.
    }
  }

  /** Removes what a crash left over. Only when nothing is being received. */
  sweep(): void {
    this.deleted = true;
    this.settle();
    let names: string[];
    try {
      names = readdirSync(this.folder.path);
    } catch {
      return; // nothing has been stored yet
    }
    for (const name of names) {
      if (!this.store.one("SELECT 1 FROM files WHERE uuid = ?", name)) this.folder.remove(name);
    }
  }
}

function record(uuid: string, json: string): FileRecord {
  const document = JSON.parse(json) as { _id: string; sha256: string; size: number; contentType?: string };
  return {
    id: document._id,
    uuid,
    size: document.size,
    sha256: document.sha256,
    contentType: document.contentType ?? null,
  };
}
