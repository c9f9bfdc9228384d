/**
 * One client's socket: its version, its queries, its calls. The rules are in protocol/messages.ts.
 */
import type { WebSocket } from "ws";
import { AuthError, type Verified } from "../auth.ts";
import type { Deployment } from "../deployment.ts";
import {
  MAX_BACKLOG_BYTES,
  MAX_QUEUED_MUTATIONS,
  MAX_RUNNING_ACTIONS,
  MAX_UNREAD_BYTES,
  TRANSITION_CHUNK_CHARS,
} from "../limits.ts";
import type { LiveQuery, Subscriber } from "../live/liveQueries.ts";
import { serverError } from "../names.ts";
import {
  type ClientMessage,
  chunks,
  ProtocolError,
  parseClientMessage,
  queryChanged,
  queryFailed,
  queryRemoved,
  queryUpdated,
  response,
  type StateVersion,
  type Token,
  transition,
} from "../protocol/messages.ts";
import type { Identity, Origin, Outcome } from "../runtime/messages.ts";

/** npm clients reconnect after 60 s without a message, and this leaves room; sent after so much silence. */
const PING_AFTER_MS = 15_000;
/** The Rust client (and Python's, built on it) reconnects after 30 s without any frame. */
const WS_PING_EVERY_MS = 5_000;
/** A client that says nothing, not even a pong, for so long is gone. */
const CLIENT_SILENCE_MS = 120_000;
/** While this much is still unsent, changes are held back and later sent as one transition. */
const MAX_UNSENT_BYTES = 1_000_000;

type Subscription = {
  readonly path: string;
  readonly component: string;
  readonly args: LiveQuery["query"]["args"];
  readonly journal: string | null;
  /** Null if the client may not run it; then there is a refusal. */
  entry: LiveQuery | null;
  refusal: string | null;
  sentVersion: number;
};

export class SyncSession implements Subscriber {
  private version: StateVersion = { querySet: 0, identity: 0, ts: 0n };
  /** Where the client's own modifications have got to; the next transition goes there. */
  private querySet = 0;
  private identityVersion = 0;
  private identity: Identity = { kind: "none" };
  private sessionId: string | null = null;
  private clockSkew: number | null = null;
  private readonly queries = new Map<number, Subscription>();
  /** Which query ids stand for a live query; clients use one for each, but needn't. */
  private readonly idsOf = new Map<LiveQuery, Set<number>>();
  readonly unknown = new Set<LiveQuery>();
  readonly changed = new Set<LiveQuery>();
  /** Query ids whose refusal the client has not been told. */
  private readonly refused = new Set<number>();
  private removed: number[] = [];
  private owesTransition = false;
  /** Changes wait until the client has read more of what it was sent. */
  private heldBack = false;
  private mutations: Promise<void> = Promise.resolve();
  private queuedMutations = 0;
  /** Bytes of messages whose handling has not ended; a mutation's ends with its response. */
  private backlog = 0;
  private runningActions = 0;
  private closed = false;
  private lastSentMs = Date.now();
  private lastHeardMs = Date.now();
  private expiry: NodeJS.Timeout | null = null;
  private readonly heartbeat: NodeJS.Timeout;
  /** Messages are handled in order, also when one (Authenticate) takes time. */
  private inbox: Promise<void> = Promise.resolve();
  private readonly socket: WebSocket;
  private readonly deployment: Deployment;
  private readonly understandsChunks: boolean;

  private origin: Origin;

  constructor(socket: WebSocket, deployment: Deployment, understandsChunks: boolean, origin: Origin) {
    this.origin = origin;
    this.socket = socket;
    this.deployment = deployment;
    this.understandsChunks = understandsChunks;
    deployment.onPush.add(this.afterPush);
    this.heartbeat = setInterval(() => this.beat(), WS_PING_EVERY_MS);
    socket.on("message", (data) => this.receive(String(data)));
    // The library answers by itself, also a client that reads nothing.
    socket.on("ping", () => this.endIfUnread());
    socket.on("pong", () => {
      this.lastHeardMs = Date.now();
    });
    socket.on("close", () => this.dispose());
    socket.on("error", () => this.dispose());
  }

  private receive(text: string): void {
    this.lastHeardMs = Date.now();
    this.backlog += text.length;
    this.regulate();
    this.inbox = this.inbox.then(async () => {
      if (this.closed) return;
      try {
        const message = parseClientMessage(text);
        await this.handle(message, text.length);
        if (message.type !== "Mutation") this.handled(text.length);
      } catch (error) {
        this.failed(error);
      }
    });
  }

  private handled(size: number): void {
    this.backlog -= size;
    this.regulate();
  }

  /** Closing instead would make the client send all of it again, for ever. */
  private regulate(): void {
    const mutations = this.queuedMutations / MAX_QUEUED_MUTATIONS;
    const bytes = this.backlog / MAX_BACKLOG_BYTES;
    const load = Math.max(mutations, bytes);
    if (load >= 1) this.socket.pause();
    else if (load < 0.5 && this.socket.isPaused) this.socket.resume();
  }

  private failed(error: unknown): void {
    if (error instanceof ProtocolError) this.fatal(error.message);
    else this.close(1011, `InternalServerError: ${String(error)}`);
  }

  private handle(message: ClientMessage, size: number): Promise<void> | void {
    if (message.type === "Event") return;
    if (message.type === "Connect") return this.connect(message);
    if (this.sessionId === null) throw new ProtocolError("the first message must be Connect");
    switch (message.type) {
      case "ModifyQuerySet":
        return this.modifyQuerySet(message);
      case "Authenticate":
        return this.authenticate(message.baseVersion, message.token);
      case "Mutation":
        return this.mutate(message, size);
      case "Action":
        void this.act(message).catch((error: unknown) => this.failed(error));
    }
  }

  private connect(message: Extract<ClientMessage, { type: "Connect" }>): void {
    if (this.sessionId !== null) throw new ProtocolError("Connect may be sent only once");
    this.sessionId = message.sessionId;
    this.clockSkew = message.clientTs === null ? null : message.clientTs - Date.now();
    if (
      message.maxObservedTimestamp !== null &&
      message.maxObservedTimestamp > this.deployment.live.latestTs
    ) {
      this.close(1011, "InternalServerError: the client has seen data newer than this deployment holds");
    }
  }

  private modifyQuerySet(message: Extract<ClientMessage, { type: "ModifyQuerySet" }>): void {
    if (message.baseVersion !== this.querySet) {
      throw new ProtocolError(
        `BaseVersionMismatch: ModifyQuerySet from ${message.baseVersion}, expected ${this.querySet}`,
      );
    }
    for (const modification of message.modifications) {
      const { queryId } = modification;
      if (modification.type === "Remove") {
        const subscription = this.queries.get(queryId);
        if (!subscription) throw new ProtocolError(`unknown query id ${queryId}`);
        this.release(queryId, subscription);
        this.queries.delete(queryId);
        this.removed.push(queryId);
      } else {
        if (this.queries.has(queryId)) throw new ProtocolError(`duplicate query id ${queryId}`);
        const { udfPath, component, args, journal } = modification;
        const subscription = {
          path: udfPath,
          component,
          args,
          journal,
          entry: null,
          refusal: null,
          sentVersion: -1,
        };
        this.queries.set(queryId, subscription);
        this.hold(queryId, subscription);
      }
    }
    this.querySet = message.newVersion;
    this.promiseTransition();
  }

  private hold(queryId: number, subscription: Subscription): void {
    const { path, component, args, journal } = subscription;
    subscription.sentVersion = -1;
    subscription.refusal = this.deployment.refusal(path, "query", this.identity, component);
    if (subscription.refusal !== null) {
      this.refused.add(queryId);
      return;
    }
    const entry = this.deployment.live.subscribe(
      { path, component, args, identity: this.identity, journal },
      this,
    );
    subscription.entry = entry;
    const ids = this.idsOf.get(entry);
    if (ids) ids.add(queryId);
    else this.idsOf.set(entry, new Set([queryId]));
  }

  private release(queryId: number, subscription: Subscription): void {
    const { entry } = subscription;
    this.refused.delete(queryId);
    subscription.entry = null;
    const ids = entry && this.idsOf.get(entry);
    if (!ids) return;
    ids.delete(queryId);
    if (ids.size > 0) return;
    this.idsOf.delete(entry);
    this.deployment.live.unsubscribe(entry, this);
  }

  private async authenticate(baseVersion: number, token: Token): Promise<void> {
    if (baseVersion !== this.identityVersion) {
      throw new ProtocolError(
        `BaseVersionMismatch: Authenticate from ${baseVersion}, expected ${this.identityVersion}`,
      );
    }
    let verified: Verified;
    try {
      verified = await this.verify(token);
    } catch (error) {
      if (error instanceof AuthError) return this.rejectToken(error.message, baseVersion, true);
      throw error;
    }
    if (this.closed) return;
    this.identity = verified.identity;
    this.origin = { ...this.origin, authToken: token.kind === "User" ? token.value : null };
    this.identityVersion = baseVersion + 1;
    if (this.expiry) clearTimeout(this.expiry);
    this.expiry = null;
    if (verified.expiresAtMs !== null) this.expireAt(verified.expiresAtMs);
    this.subscribeAnew();
    this.promiseTransition();
  }

  /** What the client may see has changed: another identity. */
  private subscribeAnew(): void {
    for (const [queryId, subscription] of this.queries) {
      this.release(queryId, subscription);
      this.hold(queryId, subscription);
    }
  }

  private readonly afterPush = () => {
    for (const [queryId, subscription] of this.queries) {
      if (
        this.deployment.refusal(subscription.path, "query", this.identity, subscription.component) ===
        subscription.refusal
      )
        continue;
      this.release(queryId, subscription);
      this.hold(queryId, subscription);
    }
    this.promiseTransition();
  };

  private async verify(token: Token): Promise<Verified> {
    if (token.kind === "None") return { identity: { kind: "none" }, expiresAtMs: null };
    if (token.kind === "Admin") return this.deployment.auth.admin(token.value, token.actingAs);
    return this.deployment.auth.verify(token.value);
  }

  private expireAt(ms: number): void {
    // setTimeout counts in 32 bits; a token that lives longer than 24 days is looked at again then.
    const wait = Math.min(ms - Date.now(), 2 ** 31 - 1);
    this.expiry = setTimeout(
      () => {
        if (Date.now() < ms) return this.expireAt(ms);
        this.rejectToken("The token has expired.", this.identityVersion, false);
      },
      Math.max(0, wait),
    );
  }

  /** Clients ignore an AuthError whose `baseVersion` is below the identity version that they have got to. */
  private rejectToken(error: string, baseVersion: number, authUpdateAttempted: boolean): void {
    this.send(JSON.stringify({ type: "AuthError", error, baseVersion, authUpdateAttempted }));
    this.close(1000, `Unauthenticated: ${error}`);
  }

  private mutate(message: Extract<ClientMessage, { type: "Mutation" | "Action" }>, size: number): void {
    this.queuedMutations += 1;
    this.regulate();
    const { udfPath: path, component, args, requestId } = message;
    const { identity, origin } = this;
    const run = async () => {
      // A client that is gone sends it again, when it comes back.
      if (this.closed) return;
      const refusal = this.deployment.refusal(path, "mutation", identity, component);
      const session = { id: this.sessionId ?? "", request: requestId };
      const result =
        refusal === null
          ? await this.deployment.mutation({ path, component, args, identity, session, origin }, "SyncWorker")
          : { outcome: refused(refusal), logLines: [], ts: null };
      this.queuedMutations -= 1;
      this.handled(size);
      this.send(response("MutationResponse", requestId, result.outcome, result.ts, result.logLines));
      this.promiseTransition();
    };
    this.mutations = this.mutations.then(run).catch((error: unknown) => this.failed(error));
  }

  private async act(message: Extract<ClientMessage, { type: "Mutation" | "Action" }>): Promise<void> {
    if (this.runningActions >= MAX_RUNNING_ACTIONS) {
      return this.close(1013, "TooManyConcurrentRequests: too many actions are running on this connection");
    }
    this.runningActions += 1;
    const { udfPath: path, component, args, requestId } = message;
    const { identity } = this;
    const refusal = this.deployment.refusal(path, "action", identity, component);
    const result =
      refusal === null
        ? await this.deployment.action({ path, component, args, identity, origin: this.origin }, "SyncWorker")
        : { outcome: refused(refusal), logLines: [] };
    this.runningActions -= 1;
    this.send(response("ActionResponse", requestId, result.outcome, null, result.logLines));
    this.promiseTransition();
  }

  private promiseTransition(): void {
    if (this.closed) return;
    this.owesTransition = true;
    this.deployment.live.notify(this);
  }

  settled(ts: bigint): void {
    try {
      this.sendChanges(ts);
    } catch (error) {
      // Results that are too large together: nobody else's trouble.
      this.failed(error);
    }
  }

  /** Live queries are known as of `ts`: sends what changed, unless a query of this socket is still to run. */
  private sendChanges(ts: bigint): void {
    if (this.closed || this.unknown.size > 0) return;
    if (this.socket.bufferedAmount > MAX_UNSENT_BYTES) {
      this.heldBack = true;
      return;
    }
    const modifications = this.removed.map(queryRemoved);
    this.removed = [];
    for (const entry of this.changed) {
      for (const queryId of this.idsOf.get(entry) ?? []) {
        const subscription = this.queries.get(queryId);
        if (!subscription || subscription.sentVersion === entry.version) continue;
        subscription.sentVersion = entry.version;
        entry.rendered ??= render(entry);
        modifications.push(queryChanged(queryId, entry.rendered));
      }
    }
    this.changed.clear();
    for (const queryId of this.refused) {
      const message = serverError(this.queries.get(queryId)?.refusal ?? "");
      modifications.push(queryChanged(queryId, queryFailed({ message }, [], null)));
    }
    this.refused.clear();
    if (modifications.length === 0 && !this.owesTransition) return;
    this.owesTransition = false;
    const end = { querySet: this.querySet, identity: this.identityVersion, ts };
    const text = transition(this.version, end, modifications, this.clockSkew);
    this.version = end;
    const parts = this.understandsChunks ? chunks(text, TRANSITION_CHUNK_CHARS) : [text];
    for (const part of parts) this.send(part);
  }

  private send(text: string): void {
    if (this.closed || this.endIfUnread()) return;
    this.lastSentMs = Date.now();
    this.socket.send(text, this.afterSend);
  }

  private readonly afterSend = () => {
    if (!this.heldBack || this.socket.bufferedAmount > MAX_UNSENT_BYTES) return;
    this.heldBack = false;
    this.deployment.live.notify(this);
  };

  private endIfUnread(): boolean {
    if (this.socket.bufferedAmount <= MAX_UNREAD_BYTES) return false;
    this.deployment.warn("A client was disconnected: it does not read what it is sent.");
    this.dispose();
    this.socket.terminate();
    return true;
  }

  private beat(): void {
    const now = Date.now();
    if (now - this.lastHeardMs > CLIENT_SILENCE_MS) {
      this.socket.terminate();
      return;
    }
    this.socket.ping();
    if (now - this.lastSentMs >= PING_AFTER_MS - WS_PING_EVERY_MS) this.send('{"type":"Ping"}');
  }

  private fatal(error: string): void {
    this.send(JSON.stringify({ type: "FatalError", error }));
    this.close(1008, error);
  }

  close(code: number, reason: string): void {
    if (this.closed) return;
    // A close frame holds at most 123 bytes of reason.
    this.socket.close(
      code,
      Buffer.from(reason)
        .subarray(0, 120)
        .toString("utf8")
        .replace(/\uFFFD+$/, ""),
    );
    this.dispose();
  }

  private dispose(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.heartbeat);
    this.deployment.onPush.delete(this.afterPush);
    if (this.expiry) clearTimeout(this.expiry);
    for (const entry of this.idsOf.keys()) this.deployment.live.unsubscribe(entry, this);
    this.idsOf.clear();
    this.queries.clear();
  }
}

function refused(refusal: string): Outcome {
  return { ok: false, error: { message: serverError(refusal) } };
}

/** An entry's result as the part of a transition that is the same for all who hold it. */
function render({ outcome, logLines, journal }: LiveQuery): string {
  if (outcome?.ok) return queryUpdated(outcome.value, logLines, journal);
  return queryFailed(outcome?.error ?? { message: "" }, logLines, journal);
}
