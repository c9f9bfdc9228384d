/**
 * `ctx.storage` of actions, in their thread: contents stream to the main thread, or are read from the folder of files,
 * so that a large one is never in memory as a whole.
 */
import { existsSync, openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { BodySender } from "../runtime/bodyPipe.ts";
import type { JsonObject } from "../values/json.ts";

/**
 * Up to this size a file is read when it is got, so that the Blob outlives a deletion. Of a larger one each part is read
 * when it is needed.
 */
const READ_AT_ONCE_BYTES = 16 * 1024 * 1024;

type Ask = (op: "storeBlob" | "findFile", args: JsonObject, port?: MessagePort) => Promise<string>;

export async function storeBlob(ask: Ask, blob: unknown, sha256: unknown): Promise<string> {
  if (!(blob instanceof Blob)) {
    throw new Error(
      "store() expects a Blob. If you are trying to store a Request, `await request.blob()` will give you the correct input.",
    );
  }
  const { port1, port2 } = new MessageChannel();
  const args = { contentType: blob.type, ...(sha256 !== undefined && { sha256: String(sha256) }) };
  const stored = ask("storeBlob", args, port2);
  const sender = new BodySender(port1);
  const failed = stored.catch(() => {});
  try {
    for await (const chunk of blob.stream()) {
      if (!sender.push(chunk)) await Promise.race([sender.room(), failed]);
      if (sender.unwanted.aborted) break;
    }
    sender.end();
  } catch (error) {
    sender.fail(String(error));
  }
  return JSON.parse(await stored) as string;
}

export async function getBlob(ask: Ask, storageId: unknown): Promise<Blob | null> {
  const found = JSON.parse(await ask("findFile", { storageId: String(storageId) })) as {
    path: string;
    size: number;
    contentType: string | null;
  } | null;
  if (!found) return null;
  const type = found.contentType ?? "";
  try {
    if (found.size > READ_AT_ONCE_BYTES) return await openAsBlob(found.path, { type });
    return new Blob([await readFile(found.path)], { type });
  } catch (error) {
    if (existsSync(found.path)) throw error;
    return null; // deleted since
  }
}
