/**
 * The formats that can be imported, each as a stream of documents: JSON lines, one JSON array, CSV with a head line, and
 * the zip of an export. Numbers are float64; what JSON can't say is in Convex's encoding (`{"$integer": ...}`).
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parse } from "csv-parse";
import { isObject, type Json, type JsonObject } from "../values/json.ts";

export const FORMATS = ["jsonLines", "jsonArray", "csv", "zip"] as const;
export type Format = (typeof FORMATS)[number];

/** What is imported can't be read; the text says where. */
export class FormatError extends Error {
  override name = "FormatError";
}

/** A JSON array is read as a whole. */
const LARGEST_ARRAY_BYTES = 512 * 1024 * 1024;

export type Content = NodeJS.ReadableStream;

export async function* documents(content: Content, format: Format, what: string): AsyncGenerator<JsonObject> {
  if (format === "jsonLines") yield* jsonLines(content, what);
  else if (format === "jsonArray") yield* jsonArray(content, what);
  else if (format === "csv") yield* csv(content, what);
}

export function fileContent(path: string): Content {
  return createReadStream(path);
}

function document(value: unknown, at: string): JsonObject {
  if (!isObject(value)) throw new FormatError(`${at}: a document must be a JSON object.`);
  return value as JsonObject;
}

async function* jsonLines(content: Content, what: string): AsyncGenerator<JsonObject> {
  let number = 0;
  for await (const line of createInterface({ input: content, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    if (line.trim() === "") continue;
    const at = `${what}, line ${number}`;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new FormatError(`${at} is not valid JSON: ${(error as Error).message}`);
    }
    yield document(value, at);
  }
}

async function* jsonArray(content: Content, what: string): AsyncGenerator<JsonObject> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of content) {
    size += (part as Buffer).length;
    if (size > LARGEST_ARRAY_BYTES)
      throw new FormatError(`${what} is too large for a JSON array; use JSON lines.`);
    parts.push(part as Buffer);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch (error) {
    throw new FormatError(`${what} is not valid JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(value)) throw new FormatError(`${what} must be a JSON array of objects.`);
  for (const [i, item] of value.entries()) yield document(item, `${what}, element ${i}`);
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

async function* csv(content: Content, what: string): AsyncGenerator<JsonObject> {
  const records = content.pipe(parse({ columns: true, bom: true, skip_empty_lines: true }));
  content.on("error", (error) => records.destroy(error));
  try {
    for await (const record of records) {
      const fields = Object.entries(record as Record<string, string>).map(([name, text]): [string, Json] => [
        name,
        NUMBER.test(text) ? Number(text) : text,
      ]);
      yield Object.fromEntries(fields);
    }
  } catch (error) {
    throw new FormatError(`${what} can't be read as CSV: ${(error as Error).message}`);
  }
}
