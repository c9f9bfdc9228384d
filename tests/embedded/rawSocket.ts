/** A sync socket without a client: what is sent is up to the test. */
import WebSocket from "ws";
import { within } from "./harness.ts";

type Message = Record<string, unknown>;

export class RawSocket {
  readonly messages: Message[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly ws: WebSocket;
  private readonly waiting = new Set<() => void>();

  private constructor(ws: WebSocket) {
    this.ws = ws;
    this.closed = within(
      new Promise((resolve) => {
        ws.once("close", (code, reason) => resolve({ code, reason: String(reason) }));
      }),
      "the socket's end",
      60_000,
    );
    this.closed.catch(() => {});
    ws.on("error", () => {});
    ws.on("message", (data) => {
      this.messages.push(JSON.parse(String(data)) as Message);
      for (const check of this.waiting) check();
    });
  }

  /** `greet: false` leaves out the first message, Connect. */
  static async connect(url: string, { greet = true, path = "/api/1.48.0/sync" } = {}): Promise<RawSocket> {
    const ws = new WebSocket(url.replace("http", "ws") + path);
    const socket = new RawSocket(ws);
    await within(
      new Promise((resolve, reject) => {
        ws.once("open", resolve);
        ws.once("error", reject);
      }),
      "the socket",
    );
    const sessionId = crypto.randomUUID();
    if (greet)
      socket.send({ type: "Connect", sessionId, connectionCount: 0, lastCloseReason: null, clientTs: 0 });
    return socket;
  }

  send(message: object | string): void {
    this.ws.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** The first subscription of a socket. */
  subscribe(queryId: number, udfPath: string, args: object = {}): void {
    const add = { type: "Add", queryId, udfPath, args: [args] };
    this.send({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [add] });
  }

  /** The first message of a type, received before or from now on, that fits. */
  until(type: string, fits: (message: Message) => boolean = () => true, limitMs = 8_000): Promise<Message> {
    return within(
      new Promise((resolve) => {
        const check = () => {
          const found = this.messages.find((message) => message.type === type && fits(message));
          if (!found) return;
          this.waiting.delete(check);
          resolve(found);
        };
        this.waiting.add(check);
        check();
      }),
      `a message ${type}`,
      limitMs,
    );
  }

  close(): void {
    this.ws.terminate();
  }
}
