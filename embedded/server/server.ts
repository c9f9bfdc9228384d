/** Listens: the API port (HTTP API and sync sockets) and the site port (HTTP actions). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { Deployment } from "../deployment.ts";
import { MAX_ARGUMENT_BYTES } from "../limits.ts";
import { parseUrl, requestOrigin } from "./body.ts";
import { HttpApi } from "./http.ts";
import { answerByAction } from "./site.ts";
import { SyncSession } from "./sync.ts";

const SYNC_PATH = /^\/api\/(?:([0-9][^/]*)\/)?sync$/;
/** The first npm version that puts parts of a transition together. */
const CHUNKS_SINCE = [1, 28] as const;
/** A frame may hold the largest arguments, and some protocol around them. */
const MAX_FRAME_BYTES = MAX_ARGUMENT_BYTES + 1024 * 1024;

/**
 * An idle connection is kept longer than clients keep theirs (aiohttp 15 s, usual proxies 60 s), so that the client
 * closes it, and never sends a request into a connection that is just being closed.
 */
const KEEP_ALIVE_MS = 75_000;

export class ListenError extends Error {
  override name = "ListenError";
}

/** Two listening sockets, before there is a deployment to answer: their addresses are part of its environment. */
export class Ports {
  readonly api: Server;
  readonly site: Server;
  private readonly host: string;

  private constructor(host: string) {
    this.host = host;
    this.api = createServer(notReady);
    this.site = createServer(notReady);
    this.api.keepAliveTimeout = KEEP_ALIVE_MS;
    this.site.keepAliveTimeout = KEEP_ALIVE_MS;
  }

  static async open(host: string, port: number, sitePort: number): Promise<Ports> {
    const ports = new Ports(host);
    try {
      await listen(ports.api, host, port, "--port");
      await listen(ports.site, host, sitePort, "--site-port");
    } catch (error) {
      ports.close();
      throw error;
    }
    return ports;
  }

  get url(): string {
    return urlOf(this.host, this.api);
  }

  get siteUrl(): string {
    return urlOf(this.host, this.site);
  }

  stopListening(): void {
    this.api.close();
    this.site.close();
  }

  close(): void {
    this.stopListening();
    this.api.closeAllConnections();
    this.site.closeAllConnections();
  }
}

function notReady(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { "content-type": "application/json" });
  response.end(JSON.stringify({ code: "Starting", message: "The deployment is starting; try again." }));
}

function urlOf(host: string, server: Server): string {
  const { port } = server.address() as AddressInfo;
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

function listen(server: Server, host: string, port: number, option: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "is in use" : `can't be used (${error.message})`;
      reject(
        new ListenError(
          `port ${port} on ${host} ${why}; choose another with ${option} N (0 chooses a free one)`,
        ),
      );
    });
    server.listen(port, host, () => resolve());
  });
}

/** Puts a deployment behind the ports. Returns what closes every connection, sync sockets with a reason. */
export function serve(deployment: Deployment, ports: Ports): { close: () => void } {
  const api = new HttpApi(deployment);
  const sessions = new Set<SyncSession>();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });
  ports.api.removeAllListeners("request");
  ports.site.removeAllListeners("request");
  ports.api.on("request", (request, response) => void api.handle(request, response));
  ports.site.on("request", (request, response) => void answerByAction(deployment, request, response));
  ports.api.on("upgrade", (request, socket, head) => {
    // Node leaves this socket to us, and with it the errors of a client that is gone already.
    socket.on("error", () => socket.destroy());
    const match = SYNC_PATH.exec(parseUrl(request)?.pathname ?? "");
    if (!match) {
      socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const session = new SyncSession(ws, deployment, understandsChunks(match[1]), requestOrigin(request));
      sessions.add(session);
      ws.on("close", () => sessions.delete(session));
    });
  });
  return {
    close: () => {
      for (const session of sessions) session.close(1001, "the deployment is stopping");
      sockets.close();
      ports.close();
    },
  };
}

function understandsChunks(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  return major > CHUNKS_SINCE[0] || (major === CHUNKS_SINCE[0] && minor >= CHUNKS_SINCE[1]);
}
