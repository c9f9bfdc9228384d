/**
 * How imports and exports are going, as the official command line asks for it. Kept in the table `transfers`, so that
 * whoever subscribes to it is told; what was under way when the deployment stopped has failed.
 */
import { META_INDEX, type Store } from "../engine/store.ts";
import type { Transaction } from "../engine/transaction.ts";
import type { Json, JsonObject } from "../values/json.ts";

export type ImportState =
  | { state: "uploaded" }
  | { state: "waiting_for_confirmation"; message_to_confirm: string; require_manual_confirmation: boolean }
  | { state: "in_progress"; progress_message: string; checkpoint_messages: string[] }
  | { state: "completed"; num_rows_written: Json }
  | { state: "failed"; error_message: string };
export type ExportState =
  | { state: "in_progress" }
  | { state: "failed" }
  | { state: "completed"; start_ts: Json; complete_ts: Json; zip_object_key: string };
export type TransferState = ImportState | ExportState;
export type TransferKind = "import" | "export";

export const TRANSFER_DDL = `
  CREATE TABLE IF NOT EXISTS transfers (id TEXT PRIMARY KEY, kind TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
`;
const FACT = "transfer";

export function setTransfer(
  store: Store,
  transaction: Transaction,
  kind: TransferKind,
  id: string,
  state: TransferState,
): void {
  store.run(
    `INSERT INTO transfers (id, kind, number, state) VALUES (?, ?, (SELECT coalesce(max(number), 0) + 1 FROM transfers), ?)
     ON CONFLICT (id) DO UPDATE SET state = excluded.state`,
    id,
    kind,
    JSON.stringify(state),
  );
  transaction.writes.push({ index: META_INDEX, key: FACT });
}

const UNFINISHED = "json_extract(state, '$.state') NOT IN ('completed', 'failed')";

/** At a start: nothing is under way. Inside a transaction. */
export function failUnfinished(store: Store): void {
  if (!store.one(`SELECT 1 FROM transfers WHERE ${UNFINISHED}`)) return;
  const failed = {
    state: "failed",
    error_message: "The deployment was restarted. Nothing has been imported; start again.",
  };
  store.run(`UPDATE transfers SET state = ? WHERE ${UNFINISHED}`, JSON.stringify(failed));
}

const importOf = (row: Record<string, unknown>): JsonObject => ({
  _id: String(row.id),
  state: JSON.parse(String(row.state)) as Json,
});

/** The queries `_system/cli/queryImport[:list]` and `_system/cli/exports:getLatest`; undefined for other names. */
export function runTransferQuery(transaction: Transaction, path: string, args: JsonObject): Json | undefined {
  const { store } = transaction;
  switch (path) {
    case "_system/cli/queryImport:default": {
      transaction.readMeta(FACT);
      const row = store.one("SELECT id, state FROM transfers WHERE id = ?", String(args.importId));
      return row ? importOf(row) : null;
    }
    case "_system/cli/queryImport:list":
      transaction.readMeta(FACT);
      return store.all("SELECT id, state FROM transfers WHERE kind = 'import' ORDER BY number").map(importOf);
    case "_system/cli/exports:getLatest": {
      transaction.readMeta(FACT);
      const row = store.one("SELECT state FROM transfers WHERE kind = 'export' ORDER BY number DESC LIMIT 1");
      return row ? (JSON.parse(String(row.state)) as Json) : null;
    }
    default:
      return undefined;
  }
}
