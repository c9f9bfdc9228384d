/**
 * The system queries that the official command line subscribes to (`npx convex data | env | run`). Admin only; the
 * caller checks that. They take part in subscriptions like any query.
 */
import { canonicalPath, componentKey, componentOfKey, nameOfKey } from "../names.ts";
import type { Call, FunctionSpec } from "../runtime/messages.ts";
import { runTransferQuery } from "../transfer/state.ts";
import type { Json, JsonObject } from "../values/json.ts";
import { CallError } from "./errors.ts";
import { readPage } from "./query.ts";
import type { Transaction } from "./transaction.ts";

const TABLES_FACT = "table/";

export function isSystemPath(path: string): boolean {
  return path.startsWith("_system/");
}

type PaginationOptions = { cursor: string | null; numItems: number };

export function runSystemQuery(transaction: Transaction, functions: FunctionSpec[], call: Call): Json {
  const { store } = transaction;
  const asked = call.args.component;
  const component = call.component || (typeof asked === "string" ? asked : "");
  const transfer = runTransferQuery(transaction, canonicalPath(call.path), call.args);
  if (transfer !== undefined) return transfer;
  switch (canonicalPath(call.path)) {
    case "_system/cli/tables:default": {
      transaction.readMeta(TABLES_FACT);
      const names = [...store.tables.keys()]
        .filter((key) => !key.startsWith("_") && componentOfKey(key) === component)
        .map(nameOfKey)
        .sort();
      return { page: names.map((name) => ({ name })), isDone: true, continueCursor: "end" };
    }
    case "_system/cli/tableData:default": {
      const { table, order, paginationOpts } = call.args as {
        table: string;
        order: "asc" | "desc";
        paginationOpts: PaginationOptions;
      };
      const result = readPage(
        transaction,
        {
          source: {
            type: "FullTableScan",
            tableName: componentKey(component, table),
            order: order ?? "desc",
          },
          operators: [],
        },
        {
          cursor: paginationOpts.cursor,
          endCursor: null,
          pageSize: paginationOpts.numItems,
          maximumRowsRead: null,
        },
      );
      return { ...result, page: result.page.map((json) => JSON.parse(json) as JsonObject) };
    }
    case "_system/cli/queryEnvironmentVariables:default":
      return readEnv(transaction);
    case "_system/cli/queryEnvironmentVariables:get":
      return readEnv(transaction).find((variable) => variable.name === call.args.name) ?? null;
    case "_system/cli/convexUrl:cloudUrl":
      return process.env.CONVEX_CLOUD_URL ?? null;
    case "_system/cli/convexUrl:siteUrl":
      return process.env.CONVEX_SITE_URL ?? null;
    case "_system/cli/modules:apiSpec":
      return functions
        .filter((spec) => spec.component === component)
        .map((spec) => ({
          functionType: spec.kind.charAt(0).toUpperCase() + spec.kind.slice(1),
          identifier: spec.path.replace(":", ".js:"),
          visibility: { kind: spec.visibility },
          args: JSON.parse(spec.args) as Json,
          returns: spec.returns === null ? { type: "any" } : (JSON.parse(spec.returns) as Json),
        }));
    default:
      throw new CallError(`System function ${call.path} is not supported by this deployment.`);
  }
}

function readEnv(transaction: Transaction): { name: string; value: string }[] {
  return transaction.store
    .all("SELECT name, value FROM env ORDER BY name")
    .map((row) => ({ name: String(row.name), value: String(row.value) }));
}
