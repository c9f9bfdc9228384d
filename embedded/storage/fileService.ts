/**
 * Stored files for the rest of the deployment: taking them in, and finding them. Contents never pass through the
 * database thread, except those that a mutation itself stores or reads.
 */
import { StorageError } from "../engine/errors.ts";
import type { DatabaseHost } from "../host/database.ts";
import type { Commit } from "../runtime/messages.ts";
import type { JsonObject } from "../values/json.ts";
import { FileFolder } from "./fileFolder.ts";
import type { FileRecord } from "./fileRecords.ts";
import { WRONG_DIGEST } from "./storageSyscalls.ts";

/** The file isn't the one that its sender meant to send. */
export class DigestError extends Error {
  override name = "DigestError";
}

export type StoreOptions = {
  contentType: string | null;
  /** SHA-256 in base64 that the file must have; null for any. */
  sha256?: string | null;
  /** The id and time of a file that is imported; new ones without. */
  keep?: { id: string; creationTime: number } | null;
};
export type StoredFile = FileRecord & { path: string };

export class FileService {
  private readonly folder: FileFolder;
  private readonly database: DatabaseHost;
  private readonly committed: (commit: Commit) => void;
  private readonly troubled: (error: Error) => void;

  /** `troubled` is told when the disk didn't take a file. */
  constructor(
    database: DatabaseHost,
    folderPath: string,
    committed: (commit: Commit) => void,
    troubled: (error: Error) => void,
  ) {
    this.database = database;
    this.folder = new FileFolder(folderPath);
    this.committed = committed;
    this.troubled = troubled;
  }

  /** Before anything is taken in: removes what a crash left over. */
  async start(): Promise<void> {
    await this.database.call("sweepFiles", {});
  }

  /** Stores what comes, and returns its id once it would survive a crash. Throws StorageError and DigestError. */
  async store(
    component: string,
    chunks: AsyncIterable<Uint8Array>,
    { contentType, sha256 = null, keep = null }: StoreOptions,
  ): Promise<string> {
    const file = await this.folder.receive(chunks, contentType).catch((error) => {
      if (error instanceof StorageError) this.troubled(error);
      throw error;
    });
    try {
      if (sha256 !== null && sha256 !== file.sha256) throw new DigestError(WRONG_DIGEST);
      const { id, commit } = await this.database.call("addFile", { component, file, keep });
      this.committed(commit);
      return id;
    } catch (error) {
      this.folder.remove(file.uuid);
      throw error;
    }
  }

  /** The file under a URL's uuid, or of a document's id; null if there is none. */
  async find(wanted: { uuid: string } | { component: string; id: string }): Promise<StoredFile | null> {
    const { file } = await this.database.call("findFile", wanted);
    return file && { ...file, path: this.folder.fileOf(file.uuid) };
  }

  /** Throws StorageError if there is no room for a file of so many bytes. */
  expectSpace(bytes: number): Promise<void> {
    return this.folder.expectSpace(bytes);
  }

  async checkUpload(token: string): Promise<{ component: string } | "invalid" | "expired"> {
    return (await this.database.call("checkUpload", { token })).verdict;
  }

  /** `ctx.storage` of an action, in a transaction of its own. */
  async syscall(component: string, op: string, args: JsonObject): Promise<string> {
    const { value, commit } = await this.database.call("storageSyscall", { component, op, args });
    if (commit) this.committed(commit);
    return value;
  }
}
