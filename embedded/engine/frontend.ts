/**
 * The system functions behind the page `/_dashboard`: `_system/frontend:<name>`. Admin only; the caller checks that.
 * Documents pass the same checks as those that functions write.
 */
import { componentKey, componentOfKey, FRONTEND_PREFIX, nameOfKey } from "../names.ts";
import type { Call } from "../runtime/messages.ts";
import { type FileRecords, STORAGE_TABLE } from "../storage/fileRecords.ts";
import { isObject, type Json, type JsonObject } from "../values/json.ts";
import { CallError } from "./errors.ts";
import { cancelJob, jobsIn } from "./jobs.ts";
import { type QueryJson, readPage } from "./query.ts";
import { SCHEDULED_TABLE } from "./store.ts";
import type { Transaction } from "./transaction.ts";

const MAX_ROWS = 1_000;
/** A filter that finds little ends after so many rows, and says so. */
const MAX_ROWS_LOOKED_AT = 4_000;
const JOBS_SHOWN = 100;
const TABLE_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;
const OPERATORS = ["$eq", "$neq", "$lt", "$lte", "$gt", "$gte"];

function text(args: JsonObject, name: string): string {
  const value = args[name];
  if (typeof value !== "string") throw new CallError(`Argument "${name}" must be a string.`);
  return value;
}

function object(args: JsonObject, name: string): JsonObject {
  const value = args[name];
  if (!isObject(value)) throw new CallError(`Argument "${name}" must be an object.`);
  return value as JsonObject;
}

/** The page names the component among the arguments: its client has no other place for it. */
function componentOf(args: JsonObject): string {
  return typeof args.component === "string" ? args.component : "";
}

export function runFrontendQuery(transaction: Transaction, files: FileRecords, { path, args }: Call): Json {
  const component = componentOf(args);
  const { store } = transaction;
  switch (path.slice(FRONTEND_PREFIX.length)) {
    case "tables": {
      transaction.readMeta("table/");
      const own = [...store.tables.values()].filter(
        ({ name }) => !name.startsWith("_") && componentOfKey(name) === component,
      );
      return own
        .map(({ name, indexes, searches }) => ({
          name: nameOfKey(name),
          indexes: [
            ...[...indexes.values()].map((index) => ({ name: index.name, fields: index.fields })),
            ...[...searches.values()].map((index) => ({ name: index.name, fields: [index.field] })),
          ],
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    }
    case "components": {
      transaction.readMeta("table/");
      return [...new Set([...store.tables.keys()].map(componentOfKey))].sort();
    }
    case "rows":
      return rows(transaction, componentKey(component, text(args, "table")), args);
    case "scheduled": {
      const states = ["inProgress", "pending", "failed", "success", "canceled"] as const;
      const index = store.table(componentKey(component, SCHEDULED_TABLE)).indexes.get("by_creation_time");
      if (index) Object.assign(transaction.readRange(index), { lo: "", hi: "\xff" });
      const own = (id: string) => componentOfKey(store.tableOfId(id) ?? "") === component;
      return states.flatMap(
        (state) => jobsIn(store, state, JOBS_SHOWN).filter((job) => own(job._id)) as unknown as Json[],
      );
    }
    case "crons":
      // A cron job writes its function's job when it fires; then its next time is another one.
      for (const table of store.tables.values()) {
        const jobs = nameOfKey(table.name) === SCHEDULED_TABLE && table.indexes.get("by_creation_time");
        if (jobs) Object.assign(transaction.readRange(jobs), { lo: "", hi: "\xff" });
      }
      return store
        .all("SELECT name, spec, next FROM crons ORDER BY name")
        .filter((row) => componentOfKey(String(row.name)) === component)
        .map((row) => ({
          name: nameOfKey(String(row.name)),
          spec: JSON.parse(String(row.spec)) as Json,
          next: Number(row.next),
        }));
    case "files": {
      const table = componentKey(component, STORAGE_TABLE);
      const { page, isDone } = rows(transaction, table, args) as { page: JsonObject[]; isDone: boolean };
      const listed = page.map((file) => {
        const found = files.get(transaction, component, String(file._id));
        return { ...file, url: found && `/api/storage/${found.uuid}` };
      });
      return { page: listed, isDone };
    }
    default:
      throw new CallError(`System function ${path} is not supported by this deployment.`);
  }
}

/** The newest rows first, `filter: {field, operator, value}` on them if there is one. */
function rows(transaction: Transaction, tableName: string, args: JsonObject): Json {
  const wanted = Math.min(Math.max(1, Number(args.numItems) || 50), MAX_ROWS);
  const operators: QueryJson["operators"] = [];
  if (isObject(args.filter)) {
    const { field, operator, value } = args.filter as JsonObject;
    if (!OPERATORS.includes(String(operator))) throw new CallError(`Unknown operator ${String(operator)}.`);
    operators.push({
      filter: { [String(operator)]: [{ $field: String(field) }, { $literal: value ?? null }] },
    });
  }
  const result = readPage(
    transaction,
    { source: { type: "FullTableScan", tableName, order: "desc" }, operators },
    { cursor: null, endCursor: null, pageSize: wanted, maximumRowsRead: MAX_ROWS_LOOKED_AT },
  );
  return {
    page: result.page.map((json) => JSON.parse(json) as JsonObject),
    isDone: result.isDone,
    cutShort: result.pageStatus === "SplitRequired",
  };
}

export function runFrontendMutation(
  transaction: Transaction,
  files: FileRecords,
  { path, args }: Call,
): Json {
  const component = componentOf(args);
  const key = (id: string): string => {
    const found = transaction.store.tableOfId(id);
    if (found === null || found.startsWith("_")) throw new CallError(`"${id}" is no id of a document.`);
    return found;
  };
  switch (path.slice(FRONTEND_PREFIX.length)) {
    case "insert": {
      const table = text(args, "table");
      if (!TABLE_NAME.test(table)) throw new CallError(`"${table}" is no name for a table.`);
      return transaction.insert(componentKey(component, table), object(args, "document"));
    }
    case "replace": {
      const id = text(args, "id");
      transaction.replace(key(id), id, object(args, "document"));
      return null;
    }
    case "remove":
      for (const id of Array.isArray(args.ids) ? args.ids : []) {
        transaction.remove(key(String(id)), String(id));
      }
      return null;
    case "cancel":
      cancelJob(transaction, text(args, "id"), Date.now());
      return null;
    case "removeFile":
      if (!files.remove(transaction, component, text(args, "id")))
        throw new CallError("There is no such file.");
      return null;
    default:
      throw new CallError(`System function ${path} is not supported by this deployment.`);
  }
}
