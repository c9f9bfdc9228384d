/** The worker that this page talks to directly: only for audio; everything else goes through the deployment. */
import { useMemo } from "react";
import { useAccount } from "../auth";
import { useConfig } from "../config";

export type Worker = {
  /** Without a slash at its end; empty: where this page came from. */
  url: string;
  /** Raises an `Error` whose message can be shown, when nobody is signed in. */
  accessToken: () => Promise<string>;
};

export function useWorker(): Worker {
  const { workerUrl } = useConfig();
  const { accessToken } = useAccount();
  return useMemo(() => ({ url: workerUrl, accessToken }), [workerUrl, accessToken]);
}

/** What the worker, or the way to it, refused. `message` can be shown. */
export class WorkerError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Milliseconds, but for the first connection after the worker's start (a second), and over slow networks. */
const ANSWER_MS = 15_000;

/** Raises `WorkerError`. */
export async function ask(
  worker: Worker,
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<unknown> {
  const token = await worker.accessToken().catch((error: unknown) => {
    throw new WorkerError("SIGNED_OUT", error instanceof Error ? error.message : "Sign in again.");
  });
  let reply: Response;
  try {
    reply = await fetch(worker.url + path, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch {
    throw new WorkerError("LOST", "Floyd can't be reached right now.");
  }
  const found: unknown = await reply.json().catch(() => null);
  if (reply.ok) return found;
  const { code, message } = (found as { error?: { code?: unknown; message?: unknown } } | null)?.error ?? {};
  throw new WorkerError(
    typeof code === "string" ? code : "REFUSED",
    typeof message === "string" ? message : `Floyd refused (${reply.status}).`,
  );
}
