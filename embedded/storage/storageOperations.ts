/** What the main thread asks the database thread about stored files. */
import type { Transaction } from "../engine/transaction.ts";
import type { Commit, StorageApi } from "../runtime/messages.ts";
import type { FileRecords } from "./fileRecords.ts";
import { STORAGE_READS, storageSyscall } from "./storageSyscalls.ts";
import { readUploadToken } from "./uploadTokens.ts";

type Operations = {
  [Op in keyof StorageApi]: (request: StorageApi[Op]["request"]) => StorageApi[Op]["reply"];
};
type Write = <T>(work: (transaction: Transaction) => T) => { result: T; commit: Commit };

export function storageOperations(
  records: FileRecords,
  write: Write,
  transaction: () => Transaction,
): Operations {
  return {
    storageSyscall({ component, op, args }) {
      const run = (of: Transaction) =>
        storageSyscall({ records, transaction: of, component, writable: true, nowMs: Date.now() }, op, args);
      if (STORAGE_READS.has(op)) return { value: run(transaction()), commit: null };
      const { result, commit } = write(run);
      return { value: result, commit };
    },
    addFile({ component, file, keep }) {
      const { result, commit } = write((of) => records.add(of, component, file, keep ?? undefined));
      return { id: result, commit };
    },
    findFile: (wanted) => ({
      file:
        "uuid" in wanted
          ? records.find(wanted.uuid)
          : records.get(transaction(), wanted.component, wanted.id),
    }),
    checkUpload: ({ token }) => ({
      verdict: readUploadToken(records.uploadSecret(false), token, Date.now()),
    }),
    sweepFiles() {
      records.sweep();
      return {};
    },
  };
}
