/**
 * Evaluates the expressions of `.filter(q => ...)` over a document, on values in JSON form. Values compare by
 * their index keys, so filters and indexes agree on order and equality.
 */
import {
  decodeFloat,
  decodeInteger,
  encodeInteger,
  fieldAt,
  type Json,
  type JsonObject,
  kindOf,
} from "../values/json.ts";
import { encodeValue } from "../values/keys.ts";
import { DeveloperError } from "./errors.ts";

type Value = Json | undefined;

function compare(a: Value, b: Value): number {
  const left = encodeValue(a);
  const right = encodeValue(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

function encodeNumber(value: number): Json {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return { $float: bytes.toString("base64") };
}

function arithmetic(name: string, a: Value, b: Value): Value {
  const kinds = [a, b].map((value) => (value === undefined ? "undefined" : kindOf(value)));
  if (kinds[0] === "float64" && kinds[1] === "float64") {
    const x = decodeFloat(a as number);
    const y = decodeFloat(b as number);
    const result = { $add: x + y, $sub: x - y, $mul: x * y, $div: x / y, $mod: x % y }[name];
    return encodeNumber(result ?? Number.NaN);
  }
  if (kinds[0] === "int64" && kinds[1] === "int64") {
    const x = decodeInteger(String((a as JsonObject).$integer));
    const y = decodeInteger(String((b as JsonObject).$integer));
    if (y === 0n && (name === "$div" || name === "$mod"))
      throw new DeveloperError("Division by zero in filter");
    const result =
      name === "$add"
        ? x + y
        : name === "$sub"
          ? x - y
          : name === "$mul"
            ? x * y
            : name === "$div"
              ? x / y
              : x % y;
    return encodeInteger(BigInt.asIntN(64, result));
  }
  throw new DeveloperError(
    `Unsupported operand types for ${name.slice(1)} in filter: ${kinds.join(" and ")}`,
  );
}

function truthy(value: Value): boolean {
  if (typeof value !== "boolean") {
    throw new DeveloperError(`Expected a boolean in filter, got ${JSON.stringify(value) ?? "undefined"}`);
  }
  return value;
}

export function evaluate(expression: Json, document: JsonObject): Value {
  if (expression === null || typeof expression !== "object" || Array.isArray(expression)) return expression;
  const [operator, operand] = Object.entries(expression)[0] ?? ["", null];
  const pair = () => {
    const [a, b] = operand as [Json, Json];
    return [evaluate(a, document), evaluate(b, document)] as const;
  };
  switch (operator) {
    case "$literal":
      return typeof operand === "object" && operand !== null && "$undefined" in operand ? undefined : operand;
    case "$field":
      return fieldAt(document, String(operand));
    case "$eq":
      return compare(...pair()) === 0;
    case "$neq":
      return compare(...pair()) !== 0;
    case "$lt":
      return compare(...pair()) < 0;
    case "$lte":
      return compare(...pair()) <= 0;
    case "$gt":
      return compare(...pair()) > 0;
    case "$gte":
      return compare(...pair()) >= 0;
    case "$add":
    case "$sub":
    case "$mul":
    case "$div":
    case "$mod":
      return arithmetic(operator, ...pair());
    case "$neg": {
      const value = evaluate(operand, document);
      return value !== undefined && kindOf(value) === "int64"
        ? arithmetic("$sub", encodeInteger(0n), value)
        : arithmetic("$mul", -1, value);
    }
    case "$and":
      return (operand as Json[]).every((inner) => truthy(evaluate(inner, document)));
    case "$or":
      return (operand as Json[]).some((inner) => truthy(evaluate(inner, document)));
    case "$not":
      return !truthy(evaluate(operand, document));
    default:
      throw new DeveloperError(`Unknown filter operator ${operator}`);
  }
}

export function matches(expression: Json, document: JsonObject): boolean {
  return evaluate(expression, document) === true;
}
