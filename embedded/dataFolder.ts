/**
 * The folder that holds a deployment's state: `state.sqlite`, `admin-key`, and `lock.sqlite`, whose open exclusive
 * transaction keeps a second process out (the operating system releases it when the process ends, however it ends).
 */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** The name before `|` in admin keys, and what clients are told the deployment is called. */
export const INSTANCE_NAME = "embedded";

export class DataFolderError extends Error {
  override name = "DataFolderError";
}

export type DataFolder = { databaseFile: string; adminKey: string; release: () => void };

export function openDataFolder(path: string): DataFolder {
  const folder = resolve(path);
  let lock: DatabaseSync;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(join(folder, "lock.sqlite"));
  } catch (error) {
    throw new DataFolderError(
      `data folder ${folder} can't be used: ${(error as Error).message}; name another with --data DIR`,
    );
  }
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch {
    lock.close();
    throw new DataFolderError(
      `data folder ${folder} is in use by another deployment; stop that one, or name another folder with --data DIR`,
    );
  }
  return {
    databaseFile: join(folder, "state.sqlite"),
    adminKey: adminKey(join(folder, "admin-key")),
    release: () => lock.close(),
  };
}

function adminKey(file: string): string {
  if (existsSync(file)) {
    const key = readFileSync(file, "utf8").trim();
    if (key !== "") return key;
  }
  const key = `${INSTANCE_NAME}|${randomBytes(32).toString("hex")}`;
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  return key;
}
