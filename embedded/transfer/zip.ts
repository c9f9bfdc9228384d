/**
 * The zip of an export (docs.convex.dev, "Snapshot Export"):
 *
 *   README.md
 *   _tables/documents.jsonl           {"name", "id"}: the numbers of the tables, which are part of their ids
 *   <table>/documents.jsonl
 *   _storage/documents.jsonl, _storage/<id>
 *   _components/<name>/...            the same again for each component
 */
import type { Readable } from "node:stream";
import yauzl, { type Entry } from "yauzl";
import { FormatError } from "./formats.ts";

export type ZipEntry = { component: string; table: string; file: string; open(): Promise<Readable> };

/** The part of the package's interface that its types don't know yet. */
type ZipFile = {
  eachEntry(): AsyncIterable<Entry>;
  openReadStreamPromise(entry: Entry): Promise<Readable>;
  close(): void;
};
type Opener = { openPromise(path: string, options: object): Promise<ZipFile> };

const PART = /^[A-Za-z0-9_.-]+$/;
const COMPONENTS = "_components/";

/** Entries in the order of the file. Throws FormatError for what is no such zip. */
export async function* zipEntries(path: string): AsyncGenerator<ZipEntry> {
  const zip = await openZip(path);
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith("/")) continue;
      const place = placeOf(entry.fileName);
      if (place) yield { ...place, open: () => zip.openReadStreamPromise(entry) };
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`The zip can't be read: ${(error as Error).message}`);
  } finally {
    zip.close();
  }
}

async function openZip(path: string): Promise<ZipFile> {
  try {
    return await (yauzl as unknown as Opener).openPromise(path, { lazyEntries: true, autoClose: false });
  } catch (error) {
    throw new FormatError(`The file is no zip: ${(error as Error).message}`);
  }
}

function placeOf(name: string): Omit<ZipEntry, "open"> | null {
  let component = "";
  let rest = name;
  while (rest.startsWith(COMPONENTS)) {
    const [, child = ""] = rest.split("/");
    component = component === "" ? child : `${component}/${child}`;
    rest = rest.slice(COMPONENTS.length + child.length + 1);
  }
  const parts = rest.split("/");
  if (parts.length !== 2) return null;
  const [table = "", file = ""] = parts;
  if (![...component.split("/").filter(Boolean), table, file].every((part) => PART.test(part))) {
    throw new FormatError(`The zip holds ${JSON.stringify(name)}, which is no part of an export.`);
  }
  return { component, table, file };
}
