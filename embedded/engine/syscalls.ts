/**
 * What `ctx.db`, `ctx.auth`, `ctx.scheduler` and `ctx.runQuery/runMutation` of one running query or mutation do.
 * The operations and their JSON are those of npm `convex` (`src/server/impl/*`).
 *
 * Every operation completes at once (SQLite is synchronous); only a nested function takes turns of the event loop,
 * and while a nested mutation runs, the operations of its caller wait, so that a roll-back undoes no more than it.
 */
import { MAX_NESTED_CALLS } from "../limits.ts";
import {
  type Address,
  componentKey,
  componentOfKey,
  DEPLOYMENT,
  functionAddress,
  functionHandle,
  nameOfKey,
} from "../names.ts";
import type { Syscalls } from "../runtime/context.ts";
import { NestedError } from "../runtime/errors.ts";
import type { FunctionKind, Identity, Origin } from "../runtime/messages.ts";
import type { FileRecords } from "../storage/fileRecords.ts";
import { storageSyscall } from "../storage/storageSyscalls.ts";
import { encodeInteger, isObject, type Json, type JsonObject } from "../values/json.ts";
import { DeveloperError } from "./errors.ts";
import { cancelJob, scheduleJob } from "./jobs.ts";
import { type QueryJson, QueryStream, readPage } from "./query.ts";
import { signJwt } from "./signJwt.ts";
import type { Transaction } from "./transaction.ts";

export type NestedRunner = (
  kind: "query" | "mutation",
  address: Address,
  args: JsonObject,
  depth: number,
) => Promise<string>;

export type Scope = {
  kind: FunctionKind;
  component: string;
  path: string;
  identity: Identity;
  origin: Origin;
  transaction: Transaction;
  files: FileRecords;
  nowMs: number;
  depth: number;
  /** End of the page that an earlier run of the same query returned; keeps a live page's end in place. */
  journal: string | null;
  knowsFunction: (address: Address) => boolean;
  runNested: NestedRunner;
};

export class DatabaseSyscalls implements Syscalls {
  /** The journal for the next run: where this run's page ended. */
  journalOut: string | null = null;
  scheduled = false;
  private readonly scope: Scope;
  private readonly streams = new Map<number, QueryStream>();
  private lastStream = 0;
  private paginated = false;
  private closed = false;
  private turn: Promise<unknown> | null = null;

  constructor(scope: Scope) {
    this.scope = scope;
  }

  /** After the function has ended, whatever it left running can do nothing any more. */
  close(): void {
    this.closed = true;
    this.streams.clear();
  }

  private open(): void {
    if (this.closed)
      throw new Error(`The function ${this.scope.path} has already ended; await everything it starts.`);
  }

  syscall(op: string, text: string): string {
    this.open();
    const args = JSON.parse(text) as JsonObject;
    switch (op) {
      case "1.0/queryStream": {
        const id = ++this.lastStream;
        this.streams.set(id, new QueryStream(this.scope.transaction, this.queryOf(args.query)));
        return JSON.stringify({ queryId: id });
      }
      case "1.0/queryCleanup":
        this.streams.delete(Number(args.queryId));
        return "{}";
      case "1.0/db/normalizeId": {
        const id = String(args.idString);
        return JSON.stringify({
          id: this.scope.transaction.store.tableOfId(id) === this.key(String(args.table)) ? id : null,
        });
      }
      case "1.0/getSnapshotTs":
        return JSON.stringify(encodeInteger(this.scope.transaction.store.lastTs));
      default:
        throw new Error(`Unknown operation ${op}: this deployment doesn't support it.`);
    }
  }

  async asyncSyscall(op: string, text: string): Promise<string> {
    this.open();
    while (this.turn) {
      await this.turn.catch(() => undefined);
      this.open();
    }
    if (op === "1.0/queryStreamNext") return this.streamNext(text);
    const args = JSON.parse(text) as JsonObject;
    if (op === "1.0/runUdf") return this.runNested(args);
    return this.perform(op, args);
  }

  jsSyscall(op: string): unknown {
    throw new Error(`Unknown operation ${op}: this deployment doesn't support it.`);
  }

  private streamNext(text: string): string {
    const { queryId } = JSON.parse(text) as { queryId: number };
    const json = this.streams.get(queryId)?.next() ?? null;
    return json === null ? '{"value":null,"done":true}' : `{"value":${json},"done":false}`;
  }

  private perform(op: string, args: JsonObject): string {
    const { transaction, kind } = this.scope;
    if (WRITES.has(op) && kind !== "mutation") {
      throw new DeveloperError(`Operation ${op.slice(4)} is only possible in a mutation, not in a ${kind}.`);
    }
    switch (op) {
      case "1.0/get": {
        const id = String(args.id);
        return transaction.get(this.tableFor(args, "get"), id) ?? "null";
      }
      case "1.0/queryPage":
        return this.page(args);
      case "1.0/count": {
        let count = 0;
        const query: QueryJson = {
          source: { type: "FullTableScan", tableName: this.key(String(args.table)), order: null },
          operators: [],
        };
        const stream = new QueryStream(transaction, query);
        while (stream.next() !== null) count += 1;
        return String(count);
      }
      case "1.0/insert":
        return JSON.stringify({
          _id: transaction.insert(this.key(tableName(args.table)), document(args.value, "insert")),
        });
      case "1.0/shallowMerge":
        transaction.patch(this.tableFor(args, "patch"), String(args.id), document(args.value, "patch"));
        return "null";
      case "1.0/replace":
        transaction.replace(this.tableFor(args, "replace"), String(args.id), document(args.value, "replace"));
        return "null";
      case "1.0/remove":
        transaction.remove(this.tableFor(args, "delete"), String(args.id));
        return "null";
      case "1.0/schedule": {
        const address = functionAddress(args, this.scope.component);
        this.expectFunction(address);
        const id = scheduleJob(
          transaction,
          address,
          args.args as JsonObject,
          Number(args.ts) * 1000,
          this.scope.nowMs,
        );
        this.scheduled = true;
        return JSON.stringify(id);
      }
      case "1.0/cancel_job":
        cancelJob(transaction, String(args.id), this.scope.nowMs);
        return "null";
      case "1.0/getUserIdentity": {
        const { identity } = this.scope;
        return identity.kind === "user" ? JSON.stringify(identity.attributes) : "null";
      }
      case "1.0/signJwt": {
        const { component, nowMs } = this.scope;
        const issuer = process.env.CONVEX_CLOUD_URL ?? "";
        const own = component === "" ? issuer : `${issuer}/components/${component}`;
        return JSON.stringify(signJwt(transaction.store, own, args, nowMs));
      }
      case "1.0/getRequestMetadata":
        return JSON.stringify(this.scope.origin);
      case "1.0/getDeploymentMetadata":
        return JSON.stringify(DEPLOYMENT);
      case "1.0/createFunctionHandle": {
        const address = functionAddress(args, this.scope.component);
        this.expectFunction(address);
        return JSON.stringify(functionHandle(address));
      }
      case "1.0/getFunctionMetadata":
        return JSON.stringify({ name: this.scope.path, componentPath: this.scope.component });
      case "1.0/storageGenerateUploadUrl":
      case "1.0/storageGetUrl":
      case "1.0/storageGetMetadata":
      case "1.0/storageDelete":
      case "1.0/storageStore":
      case "1.0/storageGet": {
        const { files: records, component, nowMs } = this.scope;
        return storageSyscall(
          { records, transaction, component, writable: kind === "mutation", nowMs },
          op,
          args,
        );
      }
      case "1.0/getTransactionMetrics":
        return JSON.stringify(transaction.metrics);
      default:
        throw new DeveloperError(`Unknown async operation ${op}: this deployment doesn't support it.`);
    }
  }

  /** The key of a table, or of an index, of this component. */
  private key(name: string): string {
    return componentKey(this.scope.component, name);
  }

  private queryOf(json: Json | undefined): QueryJson {
    const query = json as unknown as QueryJson;
    if (this.scope.component === "") return query;
    const { source } = query;
    if (source.type === "FullTableScan") {
      return { ...query, source: { ...source, tableName: this.key(source.tableName) } };
    }
    const [table = "", index = ""] = source.indexName.split(".");
    return { ...query, source: { ...source, indexName: `${this.key(table)}.${index}` } };
  }

  private expectFunction(address: Address): void {
    if (!this.scope.knowsFunction(address)) {
      throw new DeveloperError(
        `Could not find function for '${address.path}'. Is the file in the functions folder, and is the name exported?`,
      );
    }
  }

  private page(args: JsonObject): string {
    if (this.paginated) {
      throw new DeveloperError(
        "This query or mutation function ran multiple paginated queries. Convex only supports a single paginated query in each function.",
      );
    }
    this.paginated = true;
    const kept =
      this.scope.journal === null ? null : (JSON.parse(this.scope.journal) as { endCursor: string });
    const given = (args.endCursor as string | null | undefined) ?? null;
    const result = readPage(this.scope.transaction, this.queryOf(args.query), {
      cursor: (args.cursor as string | null | undefined) ?? null,
      endCursor: given ?? kept?.endCursor ?? null,
      pageSize: Number(args.pageSize),
      maximumRowsRead: (args.maximumRowsRead as number | null | undefined) ?? null,
    });
    this.journalOut = JSON.stringify({ endCursor: result.continueCursor });
    const { page, ...rest } = result;
    return `{"page":[${page.join(",")}],${JSON.stringify(rest).slice(1)}`;
  }

  private async runNested(args: JsonObject): Promise<string> {
    const { kind, depth } = this.scope;
    const wanted = args.udfType === "mutation" ? "mutation" : "query";
    if (wanted === "mutation" && kind !== "mutation") {
      throw new DeveloperError("runMutation is only possible in a mutation or an action.");
    }
    if (depth >= MAX_NESTED_CALLS) {
      throw new DeveloperError(`Functions call each other too deep (limit: ${MAX_NESTED_CALLS} levels).`);
    }
    const address = functionAddress(args, this.scope.component);
    this.expectFunction(address);
    const running = this.scope.runNested(wanted, address, args.args as JsonObject, depth + 1);
    this.turn = running;
    try {
      return await running;
    } catch (error) {
      throw new NestedError(error);
    } finally {
      this.turn = null;
    }
  }

  /** The table of `args.id`, checked against `args.table` when the caller named one. */
  private tableFor(args: JsonObject, verb: string): string {
    const id = String(args.id);
    const key = this.scope.transaction.store.tableOfId(id);
    // Ids of other components' tables mean nothing here.
    if (key === null || componentOfKey(key) !== this.scope.component) {
      throw new DeveloperError(
        `Invalid argument \`id\` for \`db.${verb}\`: Unable to decode ID: Invalid ID length or checksum in "${id}".`,
      );
    }
    const table = nameOfKey(key);
    if (typeof args.table === "string" && args.table !== table) {
      throw new DeveloperError(
        `Invalid argument \`id\` for \`db.${verb}\`: expected an ID of table "${args.table}", got one of table "${table}".`,
      );
    }
    const system = table.startsWith("_");
    if (verb === "get" && system !== (args.isSystem === true)) {
      throw new DeveloperError(
        `${system ? "System" : "User"} tables can only be accessed from db.${system ? "system." : ""}get().`,
      );
    }
    if (verb !== "get" && system)
      throw new DeveloperError("System tables (prefixed with `_`) are read-only.");
    return key;
  }
}

const WRITES = new Set([
  "1.0/insert",
  "1.0/shallowMerge",
  "1.0/replace",
  "1.0/remove",
  "1.0/schedule",
  "1.0/cancel_job",
  "1.0/signJwt",
]);
const TABLE_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;

function tableName(value: Json | undefined): string {
  if (typeof value !== "string" || !TABLE_NAME.test(value)) {
    throw new DeveloperError(
      `Invalid table name ${JSON.stringify(value)}: it must start with a letter and hold only letters, digits and underscores, at most 64.`,
    );
  }
  return value;
}

function document(value: Json | undefined, verb: string): JsonObject {
  if (!isObject(value)) throw new DeveloperError(`Value for \`db.${verb}\` must be an object.`);
  return value as JsonObject;
}
