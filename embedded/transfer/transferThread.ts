/**
 * The thread that reads and writes files of imports and exports, so that nobody waits for it.
 *
 *   parse    an uploaded file -> one file of JSON lines per table, and what there is of it
 *   export   the database, as it is at one moment -> a zip
 */
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parentPort, workerData } from "node:worker_threads";
import { ZipFile } from "yazl";
import { componentOfKey, nameOfKey } from "../names.ts";
import { documents, type Format, FormatError, fileContent } from "./formats.ts";
import { zipEntries } from "./zip.ts";

export type ParseTask = {
  task: "parse";
  file: string;
  format: Format;
  component: string;
  table: string | null;
  folder: string;
};
export type ExportTask = {
  task: "export";
  databaseFile: string;
  files: string;
  target: string;
  includeStorage: boolean;
};

/** A table's documents as JSON lines, to be imported. */
export type ParsedTable = { component: string; table: string; file: string; documents: number };
export type Parsed = {
  tables: ParsedTable[];
  /** Table numbers of an export, by component and name. */
  numbers: { component: string; table: string; number: number }[];
  /** Files by component and storage id, and where they lie. */
  files: { component: string; id: string; file: string }[];
};

/** Documents of an export read at a time. */
const PORTION = 500;

async function parse({ file, format, component, table, folder }: ParseTask): Promise<Parsed> {
  mkdirSync(folder, { recursive: true });
  const parsed: Parsed = { tables: [], numbers: [], files: [] };
  const save = async (component: string, table: string, rows: AsyncIterable<object>) => {
    const target = join(folder, `${parsed.tables.length}.jsonl`);
    let count = 0;
    const lines = async function* () {
      for await (const row of rows) {
        count += 1;
        yield `${JSON.stringify(row)}\n`;
      }
    };
    await pipeline(Readable.from(lines()), createWriteStream(target));
    parsed.tables.push({ component, table, file: target, documents: count });
  };
  if (format !== "zip") {
    const what = table ?? "The file";
    await save(component, table ?? "", documents(fileContent(file), format, what));
    return parsed;
  }
  for await (const entry of zipEntries(file)) {
    const inside =
      component === "" ? entry.component : [component, entry.component].filter(Boolean).join("/");
    const what = `${entry.table}/${entry.file}`;
    if (entry.table === "_storage" && entry.file !== "documents.jsonl") {
      const target = join(folder, `file-${parsed.files.length}`);
      await pipeline(await entry.open(), createWriteStream(target));
      parsed.files.push({ component: inside, id: entry.file.replace(/\.[^.]*$/, ""), file: target });
    } else if (entry.file === "documents.jsonl") {
      const rows = documents(await entry.open(), "jsonLines", what);
      if (entry.table !== "_tables") await save(inside, entry.table, rows);
      else
        for await (const row of rows) {
          parsed.numbers.push({ component: inside, table: String(row.name), number: Number(row.id) });
        }
    }
  }
  return parsed;
}

async function exportZip({ databaseFile, files, target, includeStorage }: ExportTask): Promise<void> {
  const db = new DatabaseSync(databaseFile, { readOnly: true });
  try {
    // All that is read from here on is as of one moment, whatever is written meanwhile.
    db.exec("BEGIN");
    const tables = db.prepare("SELECT number, name FROM tables ORDER BY number").all() as {
      number: number;
      name: string;
    }[];
    const zip = new ZipFile();
    const written = pipeline(zip.outputStream, createWriteStream(target, { mode: 0o600 }));
    zip.addBuffer(
      Buffer.from("A snapshot of a Convex deployment: one folder a table. `npx convex import` reads it.\n"),
      "README.md",
    );
    const folder = (component: string) =>
      component === ""
        ? ""
        : `${component
            .split("/")
            .map((name) => `_components/${name}`)
            .join("/")}/`;
    const components = new Set(tables.map(({ name }) => componentOfKey(name)));
    for (const component of components) {
      const own = tables.filter(({ name }) => componentOfKey(name) === component && !name.startsWith("_"));
      const lines = own.map(
        ({ name, number }) => `${JSON.stringify({ name: nameOfKey(name), id: number })}\n`,
      );
      zip.addBuffer(Buffer.from(lines.join("")), `${folder(component)}_tables/documents.jsonl`);
    }
    for (const { name } of tables) {
      const plain = nameOfKey(name);
      if (name.startsWith("_") && !(includeStorage && plain === "_storage")) continue;
      const place = `${folder(componentOfKey(name))}${plain}`;
      const add = (path: string, content: () => Readable) =>
        new Promise<void>((resolve, reject) => {
          zip.addReadStreamLazy(path, (callback) => {
            const stream = content();
            stream.once("end", resolve).once("error", reject);
            callback(null, stream);
          });
        });
      await add(`${place}/documents.jsonl`, () => Readable.from(rows(db, name)));
      if (plain !== "_storage") continue;
      for await (const line of rows(db, name)) {
        const { _id } = JSON.parse(line) as { _id: string };
        const row = db.prepare("SELECT uuid FROM files WHERE id = ?").get(_id) as
          | { uuid: string }
          | undefined;
        if (row) zip.addBuffer(readFileSync(join(files, row.uuid)), `${place}/${_id}`);
      }
    }
    zip.end();
    await written;
  } finally {
    db.close();
  }
}

/** Documents of a table as JSON lines, in order of creation. */
function* rows(db: DatabaseSync, table: string): Generator<string> {
  const index = db.prepare("SELECT id FROM indexes WHERE tbl = ? AND name = 'by_creation_time'").get(table) as
    | { id: number }
    | undefined;
  const next = db.prepare(
    "SELECT e.key AS key, d.json AS json FROM entries e JOIN docs d ON d.doc = e.doc WHERE e.idx = ? AND e.key > ? ORDER BY e.key LIMIT ?",
  );
  let after: Uint8Array = new Uint8Array();
  for (;;) {
    const found = next.all(index?.id ?? 0, after, PORTION) as { key: Uint8Array; json: string }[];
    for (const { json } of found) yield `${json}\n`;
    const last = found.at(-1);
    if (!last) return;
    after = last.key;
  }
}

const task = workerData as ParseTask | ExportTask;
try {
  const result = task.task === "parse" ? await parse(task) : await exportZip(task);
  parentPort?.postMessage({ result: result ?? null });
} catch (error) {
  const expected = error instanceof FormatError;
  const { message, stack } = error as Error;
  parentPort?.postMessage({ failed: message, unexpected: expected ? null : (stack ?? message) });
}
