/**
 * `ctx.vectorSearch`: the documents whose vectors point most nearly the same way (cosine), by looking at all of them.
 *
 * Query JSON: {indexName, limit?, vector, expressions: filter expression | null}, filters being `$eq` and `$or`.
 */
import { isObject, type Json, type JsonObject } from "../../values/json.ts";
import { DeveloperError } from "../errors.ts";
import { evaluate } from "../filter.ts";
import type { Store } from "../store.ts";
import { findSearchIndex, packed, shownName } from "./indexes.ts";

/** Of docs.convex.dev, "Vector Search". */
const MAX_RESULTS = 256;
const DEFAULT_RESULTS = 10;
const MAX_FILTERS = 64;

export type VectorQuery = { indexName: string; limit?: number; vector: number[]; expressions: Json };
export type VectorResult = { _id: string; _score: number };

export function searchVectors(store: Store, query: VectorQuery): VectorResult[] {
  const name = shownName(query.indexName);
  const index = findSearchIndex(store, query.indexName, "vector");
  if (index?.kind !== "vector") {
    throw new DeveloperError(
      `Vector index ${name} not found. Declare it in the schema: defineTable(...).vectorIndex("${name.split(".")[1]}", {...}).`,
    );
  }
  const limit = query.limit ?? DEFAULT_RESULTS;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_RESULTS) {
    throw new DeveloperError(`Vector queries require a limit between 1 and ${MAX_RESULTS}, not ${limit}.`);
  }
  const wanted = packed(query.vector, index.dimensions);
  if (!wanted) {
    throw new DeveloperError(
      `Vector query against ${name} needs a vector of ${index.dimensions} numbers, as the index declares; this one has ${query.vector.length}.`,
    );
  }
  const filter = checkFilter(query.expressions, index.filterFields, name);
  const target = new Float32Array(wanted.buffer);
  const best: { doc: number; score: number }[] = [];
  const rows = store.all("SELECT doc, vector FROM vectors WHERE idx = ?", index.id);
  for (const row of rows) {
    const score = dot(target, row.vector as Uint8Array);
    const lowest = best.at(-1);
    if (best.length === limit && lowest && score <= lowest.score) continue;
    const doc = Number(row.doc);
    if (filter !== null && !matchesFilter(store, doc, filter)) continue;
    let at = best.length;
    while (at > 0 && (best[at - 1]?.score ?? 0) < score) at -= 1;
    best.splice(at, 0, { doc, score });
    if (best.length > limit) best.pop();
  }
  return best.map(({ doc, score }) => ({ _id: String(documentOf(store, doc)._id), _score: score }));
}

function dot(target: Float32Array, bytes: Uint8Array): number {
  // SQLite's blobs may lie at any address; floats may not.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const vector = new Float32Array(aligned.buffer, aligned.byteOffset, target.length);
  let sum = 0;
  for (let i = 0; i < target.length; i++) sum += (target[i] as number) * (vector[i] as number);
  return sum;
}

function documentOf(store: Store, doc: number): JsonObject {
  return JSON.parse(
    String(store.one("SELECT json FROM docs WHERE doc = ?", doc)?.json ?? "{}"),
  ) as JsonObject;
}

function matchesFilter(store: Store, doc: number, filter: Json): boolean {
  return evaluate(filter, documentOf(store, doc)) === true;
}

/** Filters compare filter fields for equality; several are alternatives. */
function checkFilter(expression: Json, fields: string[], name: string): Json | null {
  if (expression === null || expression === undefined) return null;
  let count = 0;
  const check = (node: Json): void => {
    const [operator, operand] = isObject(node) ? (Object.entries(node as JsonObject)[0] ?? []) : [];
    if (operator === "$or" && Array.isArray(operand)) {
      for (const inner of operand) check(inner);
      return;
    }
    const pair = operator === "$eq" && Array.isArray(operand) ? operand : [];
    const field = pair
      .map((side) => (isObject(side) ? (side as JsonObject).$field : undefined))
      .find(Boolean);
    if (typeof field !== "string")
      throw new DeveloperError(`Vector query against ${name}: filters are q.eq and q.or.`);
    if (!fields.includes(field)) {
      throw new DeveloperError(
        `Vector query against ${name} filters by "${field}", which is none of its filterFields (${fields.join(", ") || "there are none"}).`,
      );
    }
    count += 1;
    if (count > MAX_FILTERS)
      throw new DeveloperError(`Vector query against ${name} has more than ${MAX_FILTERS} filters.`);
  };
  check(expression);
  return expression;
}
