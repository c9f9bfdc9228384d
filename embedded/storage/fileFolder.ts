/**
 * The folder of stored files, `<data>/files`: each lies there whole, under the uuid of its URL, from before its row in
 * the database is committed until after the row is gone. What is being received is called `<uuid>.part`. So after a
 * crash a file without a row is all that can be left over, and is removed at the next start (storage/fileRecords.ts).
 */
import { createHash, randomUUID } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { type FileHandle, open, rename, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StorageError } from "../engine/errors.ts";
import { explainDisk } from "./diskErrors.ts";

/** A file on disk that no document knows of yet. */
export type NewFile = { uuid: string; size: number; sha256: string; contentType: string | null };

/** The folder beside the database. */
export function fileFolderOf(databaseFile: string): string {
  return join(dirname(databaseFile), "files");
}

export class FileFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  fileOf(uuid: string): string {
    return join(this.path, uuid);
  }

  /**
   * Writes what comes to a new file, which is safe on the disk when this resolves; the chunks are asked for as fast as
   * the disk takes them. Nothing is left behind by a failure. Throws StorageError, and whatever `chunks` throws.
   */
  async receive(chunks: AsyncIterable<Uint8Array>, contentType: string | null): Promise<NewFile> {
    const uuid = randomUUID();
    const part = `${this.fileOf(uuid)}.part`;
    const hash = createHash("sha256");
    let size = 0;
    let file: FileHandle | null = null;
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      file = await open(part, "wx", 0o600);
      for await (const chunk of chunks) {
        hash.update(chunk);
        await writeWhole(file, chunk);
        size += chunk.length;
      }
      await file.sync();
      await file.close();
      file = null;
      await rename(part, this.fileOf(uuid));
      await this.sync();
      return { uuid, size, sha256: hash.digest("base64"), contentType };
    } catch (error) {
      await file?.close().catch(() => {});
      await rm(part, { force: true });
      await rm(this.fileOf(uuid), { force: true });
      throw explainDisk(error);
    }
  }

  /** Makes the folder's names durable: a power cut must not leave a row without its file. */
  private async sync(): Promise<void> {
    const folder = await open(this.path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** The same at once, for the database thread, where a mutation waits for it. */
  write(bytes: Uint8Array, contentType: string | null): NewFile {
    const uuid = randomUUID();
    const part = `${this.fileOf(uuid)}.part`;
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      const file = openSync(part, "wx", 0o600);
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(part, this.fileOf(uuid));
      const folder = openSync(this.path, "r");
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    } catch (error) {
      rmSync(part, { force: true });
      this.remove(uuid);
      throw explainDisk(error);
    }
    return {
      uuid,
      size: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("base64"),
      contentType,
    };
  }

  /** Throws StorageError if so many bytes can't be received, before they are sent. */
  async expectSpace(bytes: number): Promise<void> {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(this.path);
    if (bytes > bavail * bsize) {
      throw new StorageError(
        `The disk that holds this deployment's files has no room for ${bytes} bytes: free some space there. The file has not been saved; it can be sent again.`,
      );
    }
  }

  remove(uuid: string): void {
    rmSync(this.fileOf(uuid), { force: true });
  }
}

async function writeWhole(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, at);
    at += bytesWritten;
  }
}
