/**
 * `withSearchIndex`: documents in order of relevance (BM25, as FTS5 computes it; the newer of two equal ones first).
 *
 * Query JSON: {type: "Search", indexName, filters: [{type: "Search", fieldPath, value} | {type: "Eq", fieldPath, value}]}
 *
 * A search depends on its whole index: any change of an indexed document runs it again.
 */
import { isObject, type Json, type JsonObject } from "../../values/json.ts";
import { AFTER_PREFIX } from "../../values/keys.ts";
import { DeveloperError } from "../errors.ts";
import type { Entry } from "../store.ts";
import type { Transaction } from "../transaction.ts";
import { findSearchIndex, readSetIndex, shownName } from "./indexes.ts";
import { filterToken, matchExpression } from "./words.ts";

/** Of docs.convex.dev, "Text Search". */
const MAX_RESULTS = 1024;
const MAX_FILTERS = 8;

export type SearchSource = { type: "Search"; indexName: string; filters: Json[] };
type SearchFilter = { type: "Search" | "Eq"; fieldPath: string; value: Json };

export function searchText(transaction: Transaction, source: SearchSource): Entry[] {
  const name = shownName(source.indexName);
  const index = findSearchIndex(transaction.store, source.indexName, "text");
  if (index?.kind !== "text") {
    throw new DeveloperError(
      `Search index ${name} not found. Declare it in the schema: defineTable(...).searchIndex("${name.split(".")[1]}", {...}).`,
    );
  }
  const filters = source.filters as unknown as SearchFilter[];
  const search = filters.filter(({ type }) => type === "Search");
  const [first] = search;
  if (search.length !== 1 || !first || typeof first.value !== "string") {
    throw new DeveloperError(`A search of ${name} needs exactly one \`search\` filter.`);
  }
  if (first.fieldPath !== index.field) {
    throw new DeveloperError(
      `Search query against ${name} must search for the index's search field "${index.field}", not "${first.fieldPath}".`,
    );
  }
  const equal = filters.filter(({ type }) => type === "Eq");
  if (equal.length > MAX_FILTERS) {
    throw new DeveloperError(`Search query against ${name} has too many filters (limit: ${MAX_FILTERS}).`);
  }
  const tokens = equal.map(({ fieldPath, value }) => {
    const position = index.filterFields.indexOf(fieldPath);
    if (position < 0) {
      throw new DeveloperError(
        `Search query against ${name} filters by "${fieldPath}", which is none of its filterFields (${index.filterFields.join(", ") || "there are none"}).`,
      );
    }
    const missing = isObject(value) && "$undefined" in (value as JsonObject);
    return filterToken(position, missing ? undefined : value);
  });
  transaction.reads.push({ index: readSetIndex(index), lo: "", hi: AFTER_PREFIX });
  const match = matchExpression(first.value, tokens);
  if (match === null) return [];
  const table = `search_${index.id}`;
  return transaction.store
    .all(
      `SELECT d.json AS json FROM ${table} s JOIN docs d ON d.doc = s.rowid
       WHERE ${table} MATCH ? ORDER BY bm25(${table}, 1.0, 0.0), s.rowid DESC LIMIT ?`,
      match,
      MAX_RESULTS,
    )
    .map((row, i) => ({ key: String(i), json: String(row.json) }));
}
