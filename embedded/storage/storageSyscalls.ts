/**
 * `ctx.storage` of queries and mutations, and, but for contents, of actions: the operations `1.0/storage*` of npm
 * `convex` (`src/server/impl/storage_impl.ts`). JSON in, JSON text out.
 */

import { readFileSync } from "node:fs";
import { DeveloperError } from "../engine/errors.ts";
import type { Transaction } from "../engine/transaction.ts";
import { componentOfKey, nameOfKey } from "../names.ts";
import type { JsonObject } from "../values/json.ts";
import type { FileRecords } from "./fileRecords.ts";
import { STORAGE_TABLE } from "./fileRecords.ts";
import { makeUploadToken } from "./uploadTokens.ts";

export const STORAGE_SYSCALLS = "1.0/storage";
/** Operations that need a transaction that may write. */
const WRITES = new Set(["1.0/storageGenerateUploadUrl", "1.0/storageDelete", "1.0/storageStore"]);

/** Operations that only read. */
export const STORAGE_READS = new Set(["1.0/storageGetUrl", "1.0/storageGetMetadata", "1.0/storageGet"]);

export type StorageScope = {
  records: FileRecords;
  transaction: Transaction;
  component: string;
  /** Queries only read. */
  writable: boolean;
  nowMs: number;
};

export function storageSyscall(scope: StorageScope, op: string, args: JsonObject): string {
  const { records, transaction, component } = scope;
  if (WRITES.has(op) && !scope.writable) {
    throw new DeveloperError(
      `\`storage.${methodOf(op)}\` is only possible in a mutation or an action, not in a query.`,
    );
  }
  switch (op) {
    case "1.0/storageGenerateUploadUrl": {
      const token = makeUploadToken(records.uploadSecret(true) as string, component, scope.nowMs);
      return JSON.stringify(`${records.cloudUrl}/api/storage/upload?token=${token}`);
    }
    case "1.0/storageGetUrl": {
      const file = records.get(transaction, component, idOf(scope, op, args));
      return JSON.stringify(file && `${records.cloudUrl}/api/storage/${file.uuid}`);
    }
    case "1.0/storageGetMetadata": {
      const file = records.get(transaction, component, idOf(scope, op, args));
      if (!file) return "null";
      const { id, size, contentType } = file;
      const sha256 = Buffer.from(file.sha256, "base64").toString("hex");
      return JSON.stringify({ storageId: id, sha256, size, contentType });
    }
    case "1.0/storageDelete": {
      const id = idOf(scope, op, args);
      if (!records.remove(transaction, component, id)) {
        throw new DeveloperError(`storage id ${id} not found`);
      }
      return "null";
    }
    case "1.0/storageStore": {
      const bytes = Buffer.from(String(args.blob), "base64");
      const expected = digestOf(args.sha256);
      const id = records.addBytes(transaction, component, bytes, contentTypeOf(args.contentType), expected);
      if (id === "mismatch") throw new DeveloperError(WRONG_DIGEST);
      return JSON.stringify(id);
    }
    case "1.0/storageGet": {
      const file = records.get(transaction, component, idOf(scope, op, args));
      if (!file) return "null";
      const blob = readFileSync(records.folder.fileOf(file.uuid)).toString("base64");
      return JSON.stringify({ blob, contentType: file.contentType });
    }
    default:
      throw new DeveloperError(`Unknown async operation ${op}: this deployment doesn't support it.`);
  }
}

export const WRONG_DIGEST =
  "The file doesn't have the sha256 checksum that was given for it; nothing was stored.";

/** A checksum as base64; `store` takes base16 too. Null if none was given. */
export function digestOf(given: unknown): string | null {
  if (given === undefined || given === null) return null;
  const text = String(given);
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, "hex").toString("base64");
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return text;
  throw new DeveloperError(
    `Invalid argument \`sha256\`: ${JSON.stringify(text.slice(0, 100))} is no SHA-256 checksum in base16 or base64.`,
  );
}

/** The type of a Blob; "" is none. */
export function contentTypeOf(given: unknown): string | null {
  return typeof given === "string" && given !== "" ? given : null;
}

function methodOf(op: string): string {
  const name = op.slice(STORAGE_SYSCALLS.length);
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** `args.storageId`, which must be an id of this component's files. */
function idOf({ transaction, component }: StorageScope, op: string, args: JsonObject): string {
  const id = String(args.storageId);
  const table = transaction.store.tableOfId(id);
  if (table === null || componentOfKey(table) !== component) {
    throw new DeveloperError(
      `Invalid argument \`storageId\` for \`storage.${methodOf(op)}\`: Unable to decode ID: Invalid ID length or checksum in "${id.slice(0, 100)}".`,
    );
  }
  if (nameOfKey(table) !== STORAGE_TABLE) {
    throw new DeveloperError(
      `Invalid argument \`storageId\` for \`storage.${methodOf(op)}\`: expected an ID of table "_storage", got one of table "${nameOfKey(table)}".`,
    );
  }
  return id;
}
