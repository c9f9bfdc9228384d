/**
 * Runs the query language of `ctx.db.query`: a source (an index range in one direction) and a chain of operators
 * (filters and limits), as a stream or as a page.
 *
 * Query JSON (npm `convex`, `src/server/impl/query_impl.ts`):
 *   {source: {type: "FullTableScan", tableName, order} | {type: "IndexRange", indexName: "table.index",
 *    range: [{type: "Eq"|"Gt"|"Gte"|"Lt"|"Lte", fieldPath, value}], order}, operators: [{filter} | {limit}]}
 *
 * A stream depends on the keys up to the last one that was taken from it, and on no more.
 */
import { createHash } from "node:crypto";
import { type Json, type JsonObject, kindOf } from "../values/json.ts";
import { AFTER_PREFIX, encodeValue } from "../values/keys.ts";
import { DeveloperError } from "./errors.ts";
import { matches } from "./filter.ts";
import { type SearchSource, searchText } from "./search/textSearch.ts";
import type { Entry, IndexDefinition } from "./store.ts";
import type { ReadRange, Transaction } from "./transaction.ts";

type RangeStep = { type: "Eq" | "Gt" | "Gte" | "Lt" | "Lte"; fieldPath: string; value: Json };
export type Order = "asc" | "desc" | null;
export type QueryJson = {
  source:
    | { type: "FullTableScan"; tableName: string; order: Order }
    | { type: "IndexRange"; indexName: string; range: RangeStep[]; order: Order }
    | SearchSource;
  operators: ({ filter: Json } | { limit: number })[];
};

export type PageRequest = {
  cursor: string | null;
  endCursor: string | null;
  pageSize: number;
  maximumRowsRead: number | null;
};
export type PageResult = {
  page: string[];
  isDone: boolean;
  continueCursor: string;
  splitCursor: string | null;
  pageStatus: "SplitRecommended" | "SplitRequired" | null;
};

const FIRST_PORTION = 32;
const LARGEST_PORTION = 512;
const LOWEST_KEY = "";
const HIGHEST_KEY = AFTER_PREFIX;

type Plan = { index: IndexDefinition; lo: string; hi: string; descending: boolean };

function findIndex(transaction: Transaction, name: string): IndexDefinition | null {
  const dot = name.lastIndexOf(".");
  const [table, index] = [name.slice(0, dot), name.slice(dot + 1)];
  const found = transaction.store.tables.get(table)?.indexes.get(index);
  if (found) return found;
  if (transaction.store.tables.has(table) || (index !== "by_id" && index !== "by_creation_time")) {
    throw new DeveloperError(
      `Index ${name} not found. Declare it in the schema: defineTable(...).index("${index}", [...]).`,
    );
  }
  transaction.readMeta(`table/${table}`);
  return null;
}

/** Turns range steps into key bounds, after the rules: equalities on the first fields, then one field's bounds. */
function bounds(index: IndexDefinition, steps: RangeStep[]): { lo: string; hi: string } {
  const name = `${index.table}.${index.name}`;
  let prefix = "";
  let at = 0;
  while (steps[at]?.type === "Eq") {
    const step = steps[at] as RangeStep;
    expectField(index, at, step, name);
    prefix += encodeOrUndefined(step.value);
    at += 1;
  }
  let lo = prefix;
  let hi = prefix + AFTER_PREFIX;
  for (const step of steps.slice(at)) {
    if (step.type === "Eq")
      throw new DeveloperError(`In index range of ${name}: \`eq\` must come before \`${"gt/lt"}\` steps.`);
    expectField(index, at, step, name);
    const key = prefix + encodeOrUndefined(step.value);
    if (step.type === "Gt") lo = key + AFTER_PREFIX;
    if (step.type === "Gte") lo = key;
    if (step.type === "Lt") hi = key;
    if (step.type === "Lte") hi = key + AFTER_PREFIX;
  }
  return { lo, hi };
}

function expectField(index: IndexDefinition, position: number, step: RangeStep, name: string): void {
  const expected = index.fields[position];
  if (step.fieldPath !== expected) {
    throw new DeveloperError(
      `Tried to query index ${name} but the query didn't use the index fields in order. For all indexes, fields must be in order: ${JSON.stringify(index.fields)}; expected \`${expected ?? "no further field"}\`, found \`${step.fieldPath}\`.`,
    );
  }
}

function encodeOrUndefined(value: Json): string {
  const missing = value !== null && kindOf(value) === "object" && "$undefined" in (value as JsonObject);
  return encodeValue(missing ? undefined : value);
}

function plan(transaction: Transaction, source: Exclude<QueryJson["source"], SearchSource>): Plan | null {
  const name = source.type === "FullTableScan" ? `${source.tableName}.by_creation_time` : source.indexName;
  const index = findIndex(transaction, name);
  if (!index) return null;
  const range =
    source.type === "IndexRange" ? bounds(index, source.range) : { lo: LOWEST_KEY, hi: HIGHEST_KEY };
  return { index, ...range, descending: source.order === "desc" };
}

/** Entries of a plan one by one, fetched in portions, noting the range that was really read. */
class Cursor {
  private portion: Entry[] = [];
  private at = 0;
  private size: number;
  private exhausted = false;
  private lo: string;
  private hi: string;
  private readonly range: ReadRange;
  private readonly transaction: Transaction;
  private readonly plan: Plan;

  constructor(transaction: Transaction, plan: Plan, expected: number | null) {
    this.transaction = transaction;
    this.plan = plan;
    this.lo = plan.lo;
    this.hi = plan.hi;
    this.size = Math.max(1, Math.min(expected ?? FIRST_PORTION, LARGEST_PORTION));
    this.range = transaction.readRange(plan.index);
    if (plan.descending) [this.range.lo, this.range.hi] = [plan.hi, plan.hi];
    else [this.range.lo, this.range.hi] = [plan.lo, plan.lo];
  }

  next(): Entry | null {
    if (this.at === this.portion.length) this.fetch();
    const entry = this.portion[this.at];
    if (!entry) {
      [this.range.lo, this.range.hi] = [this.plan.lo, this.plan.hi];
      return null;
    }
    this.at += 1;
    this.transaction.consume(entry);
    if (this.plan.descending) this.range.lo = entry.key;
    else this.range.hi = entry.key + AFTER_PREFIX;
    return entry;
  }

  private fetch(): void {
    this.at = 0;
    if (this.exhausted || this.lo >= this.hi) {
      this.portion = [];
      return;
    }
    this.portion = this.transaction.scan(this.plan.index, this.lo, this.hi, this.plan.descending, this.size);
    this.exhausted = this.portion.length < this.size;
    const last = this.portion.at(-1);
    if (last && this.plan.descending) this.hi = last.key;
    else if (last) this.lo = last.key + AFTER_PREFIX;
    this.size = Math.min(this.size * 4, LARGEST_PORTION);
  }
}

/** What a search has found, one by one, in order of relevance. */
class Found {
  private readonly entries: Entry[];
  private at: number;
  private readonly transaction: Transaction;

  constructor(transaction: Transaction, source: SearchSource, from = 0) {
    this.transaction = transaction;
    this.entries = searchText(transaction, source);
    this.at = from;
  }

  next(): Entry | null {
    const entry = this.entries[this.at];
    if (!entry) return null;
    this.at += 1;
    this.transaction.consume(entry);
    return entry;
  }
}

/** Passes an entry through the operators: "pass", "drop", or "end" when a limit is used up. */
class Operators {
  private readonly left: number[];
  private readonly operators: QueryJson["operators"];

  constructor(operators: QueryJson["operators"]) {
    this.operators = operators;
    this.left = operators.map((operator) => ("limit" in operator ? operator.limit : 0));
  }

  usedUp(): boolean {
    return this.operators.some((operator, i) => "limit" in operator && (this.left[i] ?? 0) <= 0);
  }

  pass(json: string): boolean {
    let document: JsonObject | null = null;
    for (const [i, operator] of this.operators.entries()) {
      if ("limit" in operator) {
        this.left[i] = (this.left[i] ?? 0) - 1;
      } else {
        document ??= JSON.parse(json) as JsonObject;
        if (!matches(operator.filter, document)) return false;
      }
    }
    return true;
  }
}

function expectedRows(query: QueryJson): number | null {
  const first = query.operators[0];
  return first && "limit" in first ? first.limit : null;
}

export class QueryStream {
  private readonly cursor: { next(): Entry | null } | null;
  private readonly operators: Operators;

  constructor(transaction: Transaction, query: QueryJson) {
    const { source } = query;
    this.operators = new Operators(query.operators);
    if (source.type === "Search") {
      this.cursor = new Found(transaction, source);
      return;
    }
    const planned = plan(transaction, source);
    this.cursor = planned && new Cursor(transaction, planned, expectedRows(query));
  }

  /** The JSON text of the next document; null at the end. */
  next(): string | null {
    while (this.cursor && !this.operators.usedUp()) {
      const entry = this.cursor.next();
      if (!entry) return null;
      if (this.operators.pass(entry.json)) return entry.json;
    }
    return null;
  }
}

const END = "end";

function fingerprint(query: QueryJson): string {
  return createHash("sha256").update(JSON.stringify(query)).digest("hex").slice(0, 12);
}

/** A cursor says after which key to go on: `<fingerprint of the query>.<key, or "end">`. */
function encodeCursor(query: QueryJson, key: string | typeof END): string {
  return `${fingerprint(query)}.${key === END ? END : `k${Buffer.from(key, "latin1").toString("base64url")}`}`;
}

function decodeCursor(query: QueryJson, cursor: string, field: string): string {
  const [mark, position] = cursor.split(".");
  if (mark !== fingerprint(query) || position === undefined) {
    throw new DeveloperError(
      `InvalidCursor: Tried to run a query starting from a cursor, but it looks like this cursor is from a different query (\`${field}\`). Start again with a null cursor.`,
    );
  }
  return position === END ? END : Buffer.from(position.slice(1), "base64url").toString("latin1");
}

export function readPage(transaction: Transaction, query: QueryJson, request: PageRequest): PageResult {
  const start = request.cursor === null ? null : decodeCursor(query, request.cursor, "cursor");
  const end = request.endCursor === null ? null : decodeCursor(query, request.endCursor, "endCursor");
  const nothing: PageResult = {
    page: [],
    isDone: true,
    continueCursor: encodeCursor(query, END),
    splitCursor: null,
    pageStatus: null,
  };
  if (start === END) return nothing;
  if (query.source.type === "Search")
    return searchPage(transaction, query, query.source, request, start, end);
  const planned = plan(transaction, query.source);
  if (!planned) return nothing;
  if (start !== null) {
    if (planned.descending) planned.hi = start < planned.hi ? start : planned.hi;
    else planned.lo = start + AFTER_PREFIX > planned.lo ? start + AFTER_PREFIX : planned.lo;
  }
  if (end !== null && end !== END) {
    if (planned.descending) planned.lo = end > planned.lo ? end : planned.lo;
    else planned.hi = end + AFTER_PREFIX < planned.hi ? end + AFTER_PREFIX : planned.hi;
  }
  const wanted = end === null ? request.pageSize : Number.POSITIVE_INFINITY;
  const filtered = query.operators.length > 0;
  const cursor = new Cursor(transaction, planned, filtered || end !== null ? null : request.pageSize);
  const operators = new Operators(query.operators);
  const page: string[] = [];
  const keys: string[] = [];
  let last = start;
  let rowsRead = 0;
  let exhausted = false;
  let cutShort = false;
  while (page.length < wanted) {
    if (request.maximumRowsRead !== null && rowsRead >= request.maximumRowsRead) {
      cutShort = true;
      break;
    }
    const entry = operators.usedUp() ? null : cursor.next();
    if (!entry) {
      exhausted = true;
      break;
    }
    rowsRead += 1;
    last = entry.key;
    if (operators.pass(entry.json)) {
      page.push(entry.json);
      keys.push(entry.key);
    }
  }
  const middle = keys[Math.floor((keys.length - 1) / 2)];
  const isDone = exhausted && (end === null || end === END);
  const stop = isDone ? END : exhausted && end !== null ? end : last;
  return {
    page,
    isDone,
    continueCursor:
      stop === null
        ? encodeCursor(query, planned.descending ? HIGHEST_KEY : LOWEST_KEY)
        : encodeCursor(query, stop),
    splitCursor: keys.length > 1 && middle !== undefined ? encodeCursor(query, middle) : null,
    pageStatus: cutShort ? "SplitRequired" : null,
  };
}

/** A page of a search: the cursor is how many results lie before it. */
function searchPage(
  transaction: Transaction,
  query: QueryJson,
  source: SearchSource,
  request: PageRequest,
  start: string | null,
  end: string | null,
): PageResult {
  const from = start === null ? 0 : Number(start);
  const until = end === null || end === END ? Number.POSITIVE_INFINITY : Number(end);
  const wanted = end === null ? request.pageSize : Number.POSITIVE_INFINITY;
  const found = new Found(transaction, source, from);
  const operators = new Operators(query.operators);
  const page: string[] = [];
  let at = from;
  let exhausted = false;
  while (page.length < wanted && at < until) {
    const entry = operators.usedUp() ? null : found.next();
    if (!entry) {
      exhausted = true;
      break;
    }
    at += 1;
    if (operators.pass(entry.json)) page.push(entry.json);
  }
  const isDone = exhausted && (end === null || end === END);
  const stop = isDone ? END : until === Number.POSITIVE_INFINITY ? String(at) : String(until);
  return {
    page,
    isDone,
    continueCursor: encodeCursor(query, stop),
    splitCursor: null,
    pageStatus: null,
  };
}
