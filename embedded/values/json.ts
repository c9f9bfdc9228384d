/**
 * Convex values in their JSON form, which is how this deployment stores, compares and validates them.
 *
 * Plain JSON stands for itself (numbers are float64); `{"$integer": base64}` is an int64 (8 bytes, little
 * endian), `{"$bytes": base64}` bytes, and `{"$float": base64}` a float64 that JSON cannot hold (NaN, the
 * infinities, -0). Source: the npm package `convex`, `src/values/value.ts`.
 */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

export type Kind =
  | "null"
  | "int64"
  | "float64"
  | "boolean"
  | "string"
  | "bytes"
  | "array"
  | "object"
  | "commitTs";

/** A one-field object whose field begins with `$` is an encoded scalar; field names may not begin with `$`. */
export function kindOf(value: Json): Kind {
  if (value === null) return "null";
  if (typeof value === "number") return "float64";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "string") return "string";
  if (Array.isArray(value)) return "array";
  if ("$integer" in value) return "int64";
  if ("$bytes" in value) return "bytes";
  if ("$float" in value) return "float64";
  if ("$commitTs" in value) return "commitTs";
  return "object";
}

export function decodeInteger(encoded: string): bigint {
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.length !== 8) throw new Error(`Received ${bytes.length} bytes, expected 8 for $integer`);
  return bytes.readBigInt64LE();
}

export function encodeInteger(value: bigint): JsonObject {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return { $integer: bytes.toString("base64") };
}

export function decodeFloat(value: number | JsonObject): number {
  if (typeof value === "number") return value;
  const bytes = Buffer.from(String(value.$float), "base64");
  if (bytes.length !== 8) throw new Error(`Received ${bytes.length} bytes, expected 8 for $float`);
  return bytes.readDoubleLE();
}

/** True for a plain object, in contrast to null, arrays and scalars. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True if arrays and objects lie in each other more than so many levels deep. Looks no deeper than that. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const inner of Object.values(value)) if (isDeeperThan(inner, levels - 1)) return true;
  return false;
}

/** The value at a dotted field path; undefined when any part is missing. */
export function fieldAt(document: JsonObject, path: string): Json | undefined {
  let current: Json | undefined = document;
  for (const part of path.split(".")) {
    if (current === undefined || kindOf(current) !== "object") return undefined;
    const holder = current as JsonObject;
    current = Object.hasOwn(holder, part) ? holder[part] : undefined;
  }
  return current;
}

/**
 * The lossy "clean" form of `format: "json"`: int64 becomes a decimal string, bytes a base64 string, special
 * floats their names.
 */
export function toCleanJson(value: Json): Json {
  switch (kindOf(value)) {
    case "int64":
      return decodeInteger(String((value as JsonObject).$integer)).toString();
    case "bytes":
      return (value as JsonObject).$bytes ?? null;
    case "float64": {
      const number = decodeFloat(value as number | JsonObject);
      if (Number.isFinite(number)) return number;
      return Number.isNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
    }
    case "array":
      return (value as Json[]).map(toCleanJson);
    case "object":
      return Object.fromEntries(
        Object.entries(value as JsonObject).map(([key, inner]) => [key, toCleanJson(inner)]),
      );
    default:
      return value;
  }
}

/** How the backend prints values in validation errors: `{a: 1.0, b: "x", c: 3n}`. */
export function displayValue(value: Json): string {
  switch (kindOf(value)) {
    case "int64":
      return `${decodeInteger(String((value as JsonObject).$integer))}n`;
    case "float64": {
      const number = decodeFloat(value as number | JsonObject);
      if (Object.is(number, -0)) return "-0.0";
      return Number.isInteger(number) && Math.abs(number) < 1e16 ? `${number}.0` : String(number);
    }
    case "bytes":
      return `b"${String((value as JsonObject).$bytes)}"`;
    case "array":
      return `[${(value as Json[]).map(displayValue).join(", ")}]`;
    case "object":
      return `{${Object.entries(value as JsonObject)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, inner]) => `${key}: ${displayValue(inner)}`)
        .join(", ")}}`;
    default:
      return JSON.stringify(value);
  }
}
