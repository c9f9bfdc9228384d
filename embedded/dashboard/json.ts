/** Convex values as text that people can read and write: JSON, with int64, bytes and special floats in Convex's encoding. */
import { convexToJson, type JSONValue, jsonToConvex, type Value } from "convex/values";

export function show(value: unknown, indent = 0): string {
  return value === undefined ? "" : JSON.stringify(convexToJson(value as Value), null, indent);
}

/** Throws with a text for whoever typed it. */
export function read(text: string): Value {
  let json: JSONValue;
  try {
    json = JSON.parse(text) as JSONValue;
  } catch (error) {
    throw new Error(`This is not valid JSON: ${(error as Error).message}`);
  }
  return jsonToConvex(json);
}

/** What somebody types as a value to compare with: JSON, or else the text itself. */
export function readLoosely(text: string): Value {
  try {
    return read(text);
  } catch {
    return text;
  }
}

export function time(ms: number): string {
  return new Date(ms).toLocaleString();
}
