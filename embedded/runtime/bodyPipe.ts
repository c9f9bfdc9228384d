/**
 * A body's bytes from one thread to another over a message port, with backpressure.
 *
 *   sender -> receiver   {chunk} | {end: true} | {error: text}
 *   receiver -> sender   {taken: bytes}
 *
 * The sender keeps at most WINDOW_BYTES under way beyond one chunk. The receiver closes the port, after the end or
 * before it; a sender that hasn't ended takes that for "not wanted any more". A thread that ends closes its ports.
 */
import type { MessagePort } from "node:worker_threads";

/** Enough to keep a fast connection busy, little enough for thousands of streams. */
const WINDOW_BYTES = 256 * 1024;

type Piece = { chunk: Uint8Array } | { end: true } | { error: string };

export class BodySender {
  private readonly port: MessagePort;
  private underWay = 0;
  private ended = false;
  private readonly gone = new AbortController();
  private wake: (() => void) | null = null;

  constructor(port: MessagePort) {
    this.port = port;
    port.on("message", ({ taken }: { taken: number }) => {
      this.underWay -= taken;
      if (this.underWay < WINDOW_BYTES) this.wake?.();
    });
    port.on("close", () => {
      if (!this.ended) this.gone.abort();
      this.wake?.();
    });
  }

  /** Aborted when the receiver wants no more. */
  get unwanted(): AbortSignal {
    return this.gone.signal;
  }

  /** False if the next chunk should wait for `room()`. */
  push(chunk: Uint8Array): boolean {
    // A view may lie in a much larger buffer, all of which would travel.
    const copy = new Uint8Array(chunk);
    this.underWay += copy.length;
    this.port.postMessage({ chunk: copy } satisfies Piece, [copy.buffer]);
    return this.underWay < WINDOW_BYTES;
  }

  /** Resolves when there is room for a chunk, or when the receiver wants no more. */
  async room(): Promise<void> {
    while (this.underWay >= WINDOW_BYTES && !this.gone.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  end(): void {
    this.ended = true;
    this.port.postMessage({ end: true } satisfies Piece);
  }

  fail(error: string): void {
    this.ended = true;
    this.port.postMessage({ error } satisfies Piece);
  }
}

export class BodyReceiver implements AsyncIterable<Uint8Array> {
  private readonly port: MessagePort;
  private readonly pieces: Piece[] = [];
  private closed = false;
  private wake: (() => void) | null = null;

  constructor(port: MessagePort) {
    this.port = port;
    port.on("message", (piece: Piece) => {
      this.pieces.push(piece);
      this.wake?.();
    });
    port.on("close", () => {
      this.closed = true;
      this.wake?.();
    });
  }

  /** The sender is told to stop; who waits for a chunk gets an error. */
  cancel(): void {
    this.pieces.length = 0;
    this.port.close();
  }

  /** Throws when the sender fails or ends before the body does. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const piece = this.pieces.shift();
        if (!piece) {
          if (this.closed) throw new Error("The body ended too early.");
          await new Promise<void>((resolve) => {
            this.wake = resolve;
          });
        } else if ("chunk" in piece) {
          yield piece.chunk;
          this.port.postMessage({ taken: piece.chunk.length });
        } else if ("error" in piece) {
          throw new Error(piece.error);
        } else {
          return;
        }
      }
    } finally {
      this.port.close();
    }
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const chunks = this[Symbol.asyncIterator]();
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value as Uint8Array<ArrayBuffer>);
      },
      cancel: () => this.cancel(),
    });
  }
}
