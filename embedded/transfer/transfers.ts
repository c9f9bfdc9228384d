/**
 * Imports and exports from the main thread: what was uploaded, what is parsed in the transfer thread and applied in
 * the database thread, and in what state it is.
 */
import { randomBytes } from "node:crypto";
import { createWriteStream, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Worker } from "node:worker_threads";
import type { Deployment } from "../deployment.ts";
import type { JsonObject } from "../values/json.ts";
import { encodeInteger } from "../values/json.ts";
import type { ImportMode } from "./applyImport.ts";
import { FORMATS, type Format } from "./formats.ts";
import type { ImportState, TransferKind, TransferState } from "./state.ts";
import type { ExportTask, Parsed, ParseTask } from "./transferThread.ts";

/** What is asked for is not possible. */
export class TransferError extends Error {
  override name = "TransferError";
  readonly code: string;

  constructor(message: string, code = "BadRequest") {
    super(message);
    this.code = code;
  }
}

const MODES = ["requireEmpty", "append", "replace", "replaceAll"] as const;
const MAX_PARTS = 10_000;
/** Uploads begun at the same time; the oldest is forgotten when there are more. */
const MAX_UPLOADS = 16;

type Upload = { folder: string; parts: number };
type Waiting = { folder: string; parsed: Parsed; mode: ImportMode };

export class Transfers {
  private readonly deployment: Deployment;
  private readonly folder: string;
  private readonly databaseFile: string;
  private readonly filesFolder: string;
  private readonly uploads = new Map<string, Upload>();
  private readonly waiting = new Map<string, Waiting>();
  private exporting = false;

  constructor(deployment: Deployment, dataFolder: string, databaseFile: string) {
    this.deployment = deployment;
    this.folder = join(dataFolder, "transfers");
    this.databaseFile = databaseFile;
    this.filesFolder = join(dataFolder, "files");
    // What an earlier process left can't be gone on with; exports that were not downloaded go too.
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async set(kind: TransferKind, id: string, state: TransferState): Promise<void> {
    const { commit } = await this.deployment.database.call("setTransfer", { kind, id, state });
    this.deployment.committed(commit);
  }

  private async apply(parsed: Parsed, mode: ImportMode): Promise<number> {
    const { written, commit } = await this.deployment.database.call("applyImport", { parsed, mode });
    this.deployment.committed(commit);
    this.deployment.live.invalidateAll();
    return written;
  }

  startUpload(): { uploadToken: string } {
    const uploadToken = randomBytes(24).toString("hex");
    const folder = join(this.folder, uploadToken);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.uploads.set(uploadToken, { folder, parts: 0 });
    for (const [token, { folder: old }] of [...this.uploads].slice(0, -MAX_UPLOADS)) {
      this.uploads.delete(token);
      rmSync(old, { recursive: true, force: true });
    }
    return { uploadToken };
  }

  private upload(token: unknown): Upload {
    const upload = this.uploads.get(String(token));
    if (!upload)
      throw new TransferError("This upload is not known; begin again with start_upload.", "UnknownUpload");
    return upload;
  }

  async uploadPart(token: unknown, partNumber: number, body: Readable): Promise<string> {
    const upload = this.upload(token);
    if (partNumber !== upload.parts + 1 || partNumber > MAX_PARTS) {
      throw new TransferError(`Part ${partNumber} is out of order; the next one is ${upload.parts + 1}.`);
    }
    upload.parts = partNumber;
    await pipeline(body, createWriteStream(join(upload.folder, "upload"), { flags: "a", mode: 0o600 }));
    return String(partNumber);
  }

  /** The import goes on by itself until it waits to be confirmed. */
  async finishUpload(body: JsonObject): Promise<{ importId: string }> {
    const upload = this.upload(body.uploadToken);
    const settings = (body.import ?? {}) as JsonObject;
    const format = settings.format as Format;
    const mode = settings.mode as ImportMode;
    if (!FORMATS.includes(format))
      throw new TransferError(`Field "format" must be one of ${FORMATS.join(", ")}.`);
    if (!MODES.includes(mode)) throw new TransferError(`Field "mode" must be one of ${MODES.join(", ")}.`);
    const table = typeof settings.tableName === "string" ? settings.tableName : null;
    if ((table === null) !== (format === "zip")) {
      throw new TransferError('Field "tableName" goes with every format but zip.');
    }
    const component = typeof settings.componentPath === "string" ? settings.componentPath : "";
    this.uploads.delete(String(body.uploadToken));
    const importId = randomBytes(16).toString("hex");
    await this.set("import", importId, { state: "uploaded" });
    const file = join(upload.folder, "upload");
    const task: ParseTask = {
      task: "parse",
      file,
      format,
      component,
      table,
      folder: join(upload.folder, "parsed"),
    };
    void this.parse(importId, upload.folder, task, mode);
    return { importId };
  }

  private async parse(id: string, folder: string, task: ParseTask, mode: ImportMode): Promise<void> {
    try {
      const parsed = await inThread<Parsed>(task);
      this.waiting.set(id, { folder, parsed, mode });
      const rows = parsed.tables.map(
        ({ component, table, documents }) =>
          `${component === "" ? "" : `${component}: `}${table}: ${documents} documents`,
      );
      const verb = { requireEmpty: "Add", append: "Add", replace: "Replace", replaceAll: "Replace all" }[
        mode
      ];
      const harmless = mode === "requireEmpty" || mode === "append";
      await this.set("import", id, {
        state: "waiting_for_confirmation",
        message_to_confirm: harmless ? "" : `${verb} tables:\n  ${rows.join("\n  ")}`,
        require_manual_confirmation: !harmless,
      });
    } catch (error) {
      await this.fail(id, folder, error as Error);
    }
  }

  private async fail(id: string, folder: string, error: Error): Promise<void> {
    rmSync(folder, { recursive: true, force: true });
    const state: ImportState = { state: "failed", error_message: error.message };
    await this.set("import", id, state).catch(() => {});
  }

  /** `perform_import`: begins; how it ends is in its state. */
  async perform(importId: unknown): Promise<void> {
    const id = String(importId);
    const waiting = this.waiting.get(id);
    if (!waiting) throw new TransferError("This import doesn't wait to be confirmed.", "ImportNotWaiting");
    this.waiting.delete(id);
    const { folder, parsed, mode } = waiting;
    const progress = { progress_message: "Importing", checkpoint_messages: [] };
    await this.set("import", id, { state: "in_progress", ...progress });
    const done = async () => {
      try {
        const written = await this.apply(parsed, mode);
        await this.set("import", id, {
          state: "completed",
          num_rows_written: encodeInteger(BigInt(written)),
        });
        rmSync(folder, { recursive: true, force: true });
      } catch (error) {
        await this.fail(id, folder, error as Error);
      }
    };
    void done();
  }

  async cancel(importId: unknown): Promise<void> {
    const waiting = this.waiting.get(String(importId));
    if (!waiting) throw new TransferError("This import doesn't wait to be confirmed.", "ImportNotWaiting");
    this.waiting.delete(String(importId));
    await this.fail(String(importId), waiting.folder, new Error("Import canceled"));
  }

  async requestExport(includeStorage: boolean): Promise<void> {
    if (this.exporting) throw new TransferError("An export is in progress already.", "ExportInProgress");
    this.exporting = true;
    const ts = this.deployment.live.latestTs;
    const id = `export-${ts}`;
    const folder = join(this.folder, "exports");
    const target = join(folder, `${ts}.zip`);
    try {
      await this.set("export", id, { state: "in_progress" });
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      this.exporting = false;
      throw error;
    }
    const { databaseFile, filesFolder: files } = this;
    const task: ExportTask = { task: "export", databaseFile, files, target, includeStorage };
    const done = async () => {
      try {
        await inThread<null>(task);
        await this.set("export", id, {
          state: "completed",
          start_ts: encodeInteger(ts),
          complete_ts: encodeInteger(this.deployment.live.latestTs),
          zip_object_key: String(ts),
        });
      } catch (error) {
        this.deployment.warn(`The export failed: ${(error as Error).message}`);
        await this.set("export", id, { state: "failed" }).catch(() => {});
      } finally {
        this.exporting = false;
      }
    };
    void done();
  }

  /** The file of an export; null if there is none (a newer one has taken its place). */
  exported(ts: string): string | null {
    const folder = join(this.folder, "exports");
    try {
      return readdirSync(folder).includes(`${ts}.zip`) ? join(folder, `${ts}.zip`) : null;
    } catch {
      return null;
    }
  }
}

function inThread<T>(workerData: ParseTask | ExportTask): Promise<T> {
  const worker = new Worker(new URL("./transferThread.ts", import.meta.url), { workerData });
  return new Promise<T>((resolve, reject) => {
    worker.once("message", (message: { result: T } | { failed: string }) => {
      if ("failed" in message) reject(new Error(message.failed));
      else resolve(message.result);
    });
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("The thread ended.")));
  }).finally(() => void worker.terminate());
}
