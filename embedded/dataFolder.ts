/**
 * The folder that holds a deployment's state: `state.sqlite`, `admin-key`, and `lock.sqlite`, whose open exclusive
 * transaction keeps a second process out (the operating system releases it when the process ends, however it ends).
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** The name before `|` in admin keys, and what clients are told the deployment is called. */
export const INSTANCE_NAME = "embedded";

export class DataFolderError extends Error {
  override name = "DataFolderError";
}

export type DataFolder = { path: string; databaseFile: string; adminKey: string; release: () => void };

export function openDataFolder(path: string): DataFolder {
  const folder = resolve(path);
  let lock: DatabaseSync;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(join(folder, "lock.sqlite"));
  } catch (error) {
    throw unusable(folder, error);
  }
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw unusable(folder, error);
    throw new DataFolderError(
      `data folder ${folder} is in use by another deployment; stop that one, or name another folder with --data DIR`,
    );
  }
  try {
    return {
      path: folder,
      databaseFile: join(folder, "state.sqlite"),
      adminKey: adminKey(join(folder, "admin-key")),
      release: () => lock.close(),
    };
  } catch (error) {
    lock.close();
    throw unusable(folder, error);
  }
}

const SQLITE_BUSY = 5;

function unusable(folder: string, error: unknown): DataFolderError {
  const { code, message } = error as NodeJS.ErrnoException;
  const remedy = code === "ENOSPC" || code === "EDQUOT" ? "free some space there, or name" : "name";
  return new DataFolderError(
    `data folder ${folder} can't be used: ${message}; ${remedy} another with --data DIR`,
  );
}

function adminKey(file: string): string {
  if (existsSync(file)) {
    const key = readFileSync(file, "utf8").trim();
    if (key !== "") return key;
  }
  const key = `${INSTANCE_NAME}|${randomBytes(32).toString("hex")}`;
  // A full disk must not leave half a key behind.
  const beside = `${file}.${randomBytes(4).toString("hex")}`;
  try {
    writeFileSync(beside, `${key}\n`, { mode: 0o600 });
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  return key;
}
