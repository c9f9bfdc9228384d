/** The main thread's answers to what `ctx.storage` of an action asks (storage/actionStorage.ts). */
import type { MessagePort } from "node:worker_threads";
import { BodyReceiver } from "../runtime/bodyPipe.ts";
import type { JsonObject } from "../values/json.ts";
import type { FileService } from "./fileService.ts";
import { contentTypeOf, digestOf } from "./storageSyscalls.ts";

export type StorageAsk = {
  op: "storage" | "storeBlob" | "findFile";
  args: JsonObject;
  /** Where the content of a file comes from that is to be stored. */
  port?: MessagePort | undefined;
};

/** JSON text. */
export async function answerStorageAsk(
  files: FileService,
  component: string,
  { op, args, port }: StorageAsk,
): Promise<string> {
  switch (op) {
    case "storage":
      return files.syscall(component, String(args.op), args.args as JsonObject);
    case "storeBlob": {
      if (!port) throw new Error("There is no content to store.");
      const receiver = new BodyReceiver(port);
      try {
        const sha256 = digestOf(args.sha256);
        const contentType = contentTypeOf(args.contentType);
        return JSON.stringify(await files.store(component, receiver, { contentType, sha256 }));
      } finally {
        receiver.cancel();
      }
    }
    case "findFile": {
      const file = await files.find({ component, id: String(args.storageId) });
      return JSON.stringify(file && { path: file.path, size: file.size, contentType: file.contentType });
    }
  }
}
