/** When the disk is at fault, the caller is told so, as for the database (engine/store.ts). */
import { StorageError } from "../engine/errors.ts";

/** Full, over a quota, beyond a limit of size, failing, read-only. */
const DISK_CODES = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS"]);

export function explainDisk(error: unknown): unknown {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === undefined || !DISK_CODES.has(code)) return error;
  const what =
    code === "ENOSPC"
      ? "The disk that holds this deployment's files is full"
      : `This deployment's files can't be written or read (${message}); the disk may be full, or over a quota`;
  return new StorageError(
    `${what}: free some space there. The file has not been saved; it can be sent again, and is accepted as soon as there is space.`,
  );
}
