/**
 * Index keys: an order-preserving byte encoding of lists of Convex values.
 *
 * A key is held as a JavaScript string with one byte per character (latin1), so that `<` compares bytes, and is
 * stored in SQLite as a BLOB. Order of types, as in `convex/src/values/compare.ts`: undefined < null < int64 <
 * float64 < boolean < string (by UTF-8 bytes) < bytes < array < object.
 *
 *   value     = tag body
 *   int64     = 8 bytes big endian, sign bit flipped
 *   float64   = 8 bytes big endian, sign bit flipped if positive, all bits if negative
 *   string    = UTF-8 with 00 written as 00 FF, ended by 00 00      (bytes likewise)
 *   array     = values, ended by 00
 *   object    = (key as string, value) in key order, ended by 00
 *
 * No encoded value is a prefix of another one, and no tag is FF; so the keys that begin with the values P are
 * exactly those in [P, P + FF).
 */
import { decodeFloat, decodeInteger, type Json, type JsonObject, kindOf } from "./json.ts";

const TAG = {
  undefined: "\x01",
  null: "\x02",
  int64: "\x03",
  float64: "\x04",
  false: "\x05",
  true: "\x06",
  string: "\x07",
  bytes: "\x08",
  array: "\x09",
  object: "\x0a",
} as const;

/** Greater than every key that begins with the values before it. */
export const AFTER_PREFIX = "\xff";

const scratch = Buffer.alloc(8);
const SIGN = 1n << 63n;
const ALL = (1n << 64n) - 1n;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the zero byte is what has to be escaped
const PLAIN_ASCII = /^[\x01-\x7f]*$/;

function encodeBytes(latin1: string): string {
  const escaped = latin1.includes("\x00") ? latin1.replaceAll("\x00", "\x00\xff") : latin1;
  return `${escaped}\x00\x00`;
}

function encodeString(text: string): string {
  return PLAIN_ASCII.test(text)
    ? `${text}\x00\x00`
    : encodeBytes(Buffer.from(text, "utf8").toString("latin1"));
}

function encodeFloat(value: number): string {
  scratch.writeDoubleBE(value);
  const bits = scratch.readBigUInt64BE();
  scratch.writeBigUInt64BE(bits & SIGN ? ~bits & ALL : bits | SIGN);
  return scratch.toString("latin1");
}

/** The key of one value; undefined stands for a missing field. */
export function encodeValue(value: Json | undefined): string {
  if (value === undefined) return TAG.undefined;
  if (value === null) return TAG.null;
  if (typeof value === "string") return TAG.string + encodeString(value);
  if (typeof value === "number") return TAG.float64 + encodeFloat(value);
  if (typeof value === "boolean") return value ? TAG.true : TAG.false;
  switch (kindOf(value)) {
    case "int64":
      scratch.writeBigInt64BE(decodeInteger(String((value as JsonObject).$integer)));
      scratch[0] = (scratch[0] ?? 0) ^ 0x80;
      return TAG.int64 + scratch.toString("latin1");
    case "float64":
      return TAG.float64 + encodeFloat(decodeFloat(value as JsonObject));
    case "bytes":
      return (
        TAG.bytes +
        encodeBytes(Buffer.from(String((value as JsonObject).$bytes), "base64").toString("latin1"))
      );
    case "array":
      return `${TAG.array}${(value as Json[]).map(encodeValue).join("")}\x00`;
    default: {
      const entries = Object.entries(value as JsonObject).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return `${TAG.object}${entries.map(([key, inner]) => TAG.string + encodeString(key) + encodeValue(inner)).join("")}\x00`;
    }
  }
}

export function toBlob(key: string): Buffer {
  return Buffer.from(key, "latin1");
}

export function fromBlob(blob: Uint8Array): string {
  return Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString("latin1");
}
