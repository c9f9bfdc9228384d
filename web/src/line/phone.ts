/**
 * This page's telephone: one call at a time, whichever page of Floyd's is shown meanwhile. Everything that the line
 * says comes in here; `usePhone` shows it.
 */
import type { Id } from "../api";
import { Loudspeaker } from "../audio/Loudspeaker";
import { openLine } from "../audio/line";
import { MicrophoneError, openMicrophone, release } from "../audio/microphone";
import type { Message, Peer, PeerState } from "../audio/peer";
import { ask, type Worker, WorkerError } from "../audio/worker";

/** Somebody calls: what the deployment says of it. */
export type Ringing = {
  callId: Id<"calls">;
  requestId: Id<"requests">;
  to: string;
  calleeName?: string | undefined;
  requestText: string;
};

/** Something typed that has not been heard yet. */
export type Typed = { id: number; text: string; failed: string | null };

export type PhoneState =
  | { kind: "down" }
  | {
      kind: "up";
      call: Ringing;
      stage: "connecting" | "talking" | "ending";
      /** Epoch milliseconds, from when on they hear each other. */
      since: number | null;
      /** What the caller says, for a level meter. */
      sound: MediaStream | null;
      /** The browser plays no sound before a click: `hear` in one. */
      blocked: boolean;
      microphone: MediaStream | null;
      muted: boolean;
      /** Why there is no microphone, or what could not be done. */
      problem: string | null;
      typed: Typed[];
    }
  | { kind: "over"; call: Ringing; lasted: number | null; problem: string | null };

type Up = Extract<PhoneState, { kind: "up" }>;

/** Where else the call may be, when this worker does not have it: its address, or null. */
export type FindWorker = (callId: Id<"calls">) => Promise<string | null>;

/** After hanging up the worker says that the call is over; if it does not, it is over all the same. */
const GOODBYE_MS = 2_000;

export class Phone {
  private state: PhoneState = { kind: "down" };
  private readonly listeners = new Set<() => void>();
  private readonly loudspeaker = new Loudspeaker();
  private peer: Peer | null = null;
  private stands = false;
  private stopping = new AbortController();
  private lastTyped = 0;

  readonly current = (): PhoneState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Take the call. `speaking`: with the microphone; without one, or if there is none, one types. */
  async pickUp(worker: Worker, call: Ringing, speaking: boolean, find: FindWorker): Promise<void> {
    if (this.state.kind === "up") return;
    const stopping = new AbortController();
    this.stopping = stopping;
    this.stands = false;
    this.set({
      kind: "up",
      call,
      stage: "connecting",
      since: null,
      sound: null,
      blocked: false,
      microphone: null,
      muted: !speaking,
      problem: null,
      typed: [],
    });
    // Whoever has to allow the microphone first should not let the caller wait for it.
    if (speaking) void this.unmute();
    try {
      const peer = await this.connected(worker, call.callId, find, stopping.signal);
      if (stopping.signal.aborted) return peer.close();
      this.peer = peer;
      const { microphone, typed = [] } = this.up() ?? {};
      for (const { text } of typed) peer.send({ kind: "say", text });
      if (microphone) await peer.speakWith(microphone);
      void this.begin();
    } catch (error) {
      if (stopping.signal.aborted) return;
      this.over(error instanceof WorkerError ? error.message : "The call could not be picked up.");
      if (!(error instanceof WorkerError)) throw error;
    }
  }

  /** Let the caller know that nobody wants to talk. Raises `WorkerError`. */
  async decline(worker: Worker, callId: Id<"calls">, find: FindWorker): Promise<void> {
    const refuse = (url: string) => ask({ ...worker, url }, "POST", "/rtc/line/decline", { callId });
    await elsewhere(worker.url, callId, find, refuse);
  }

  hangUp(): void {
    const up = this.up();
    if (up === null) return;
    // Nobody has heard anything yet: wherever else it rings, it goes on.
    if (this.peer === null || up.stage === "connecting") {
      this.over(null);
      return;
    }
    this.peer.send({ kind: "hangUp" });
    this.change({ stage: "ending" });
    const { signal } = this.stopping;
    setTimeout(() => {
      if (!signal.aborted) this.over(null);
    }, GOODBYE_MS);
  }

  /** Typed words, to be spoken on the line; what is typed before it stands is spoken then. */
  say(words: string): void {
    const up = this.up();
    // As the worker writes them: it names them when they are heard.
    const text = words.trim().replace(/\s+/g, " ");
    if (up === null || text === "") return;
    this.change({ typed: [...up.typed, { id: ++this.lastTyped, text, failed: null }] });
    this.peer?.send({ kind: "say", text });
  }

  forget(id: number): void {
    const up = this.up();
    if (up !== null) this.change({ typed: up.typed.filter((typed) => typed.id !== id) });
  }

  press(key: string): void {
    this.peer?.send({ kind: "digit", key });
  }

  mute(): void {
    const up = this.up();
    if (up === null) return;
    for (const track of up.microphone?.getAudioTracks() ?? []) track.enabled = false;
    this.change({ muted: true });
  }

  /** Asks for the microphone if it has not been given yet. */
  async unmute(): Promise<void> {
    const up = this.up();
    if (up === null) return;
    this.change({ muted: false, problem: null });
    if (up.microphone !== null) {
      for (const track of up.microphone.getAudioTracks()) track.enabled = true;
      return;
    }
    const { signal } = this.stopping;
    try {
      const microphone = await openMicrophone();
      if (signal.aborted || this.up()?.microphone) return release(microphone);
      this.change({ microphone });
      if (this.up()?.muted) this.mute();
      await this.peer?.speakWith(microphone);
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      if (!signal.aborted) this.change({ muted: true, problem: `${error.message} You can type instead.` });
    }
  }

  /** In a click, when `blocked`. */
  async hear(): Promise<void> {
    if (await this.loudspeaker.resume()) this.change({ blocked: false });
  }

  /** The page is being closed: the line breaks, as when a telephone's battery is empty. */
  leave(): void {
    this.peer?.close();
  }

  /** Somebody else is here now: nothing of a call of another person's is left. */
  forgetAll(): void {
    this.over(null);
    this.putDown();
  }

  /** The words about a call that is over have been read. */
  putDown(): void {
    if (this.state.kind === "over") this.set({ kind: "down" });
  }

  private async connected(
    worker: Worker,
    callId: Id<"calls">,
    find: FindWorker,
    signal: AbortSignal,
  ): Promise<Peer> {
    return elsewhere(worker.url, callId, find, (url) =>
      openLine({ ...worker, url }, callId, {
        microphone: null,
        signal,
        onState: (state) => this.onState(state, signal),
        onMessage: (message) => this.onMessage(message),
      }),
    );
  }

  private onState(state: PeerState, signal: AbortSignal): void {
    if (signal.aborted) return;
    switch (state) {
      case "connecting":
        return;
      case "connected":
        this.stands = true;
        void this.begin();
        return;
      case "closed":
        this.over(null);
        return;
      case "lost":
        this.over(this.up()?.stage === "ending" ? null : "The connection was lost.");
        return;
    }
  }

  /** Once the connection stands and is known; whichever comes first. */
  private async begin(): Promise<void> {
    const { peer } = this;
    if (peer === null || !this.stands || this.up()?.stage !== "connecting") return;
    this.change({ stage: "talking", since: Date.now(), sound: peer.sound });
    const plays = await this.loudspeaker.play(peer.sound);
    if (this.peer === peer) this.change({ blocked: !plays });
  }

  private onMessage(message: Message): void {
    const up = this.up();
    if (up === null) return;
    const text = typeof message.text === "string" ? message.text : null;
    switch (message.kind) {
      case "spoken": {
        const spoken = pending(up.typed, text);
        this.change({ typed: up.typed.filter((typed) => typed !== spoken) });
        return;
      }
      case "error":
        this.refused(up, message, text);
        return;
      case "ended":
        this.change({ stage: "ending" });
    }
  }

  private refused(up: Up, message: Message, text: string | null): void {
    const failed = typeof message.message === "string" ? message.message : "That did not work.";
    // What was refused at once has no words with it: it is what was typed last.
    const unsaid = text === null ? up.typed.at(-1) : pending(up.typed, text);
    if (message.code !== "NOT_SPOKEN" || unsaid === undefined) {
      this.change({ problem: failed });
      return;
    }
    this.change({ typed: up.typed.map((one) => (one === unsaid ? { ...one, failed } : one)) });
  }

  private over(problem: string | null): void {
    const up = this.up();
    if (up === null) return;
    this.stopping.abort();
    this.peer?.close();
    this.peer = null;
    this.loudspeaker.stop();
    release(up.microphone);
    this.set({
      kind: "over",
      call: up.call,
      lasted: up.since === null ? null : Date.now() - up.since,
      problem,
    });
  }

  private up(): Up | null {
    return this.state.kind === "up" ? this.state : null;
  }

  private change(some: Partial<Omit<Up, "kind" | "call">>): void {
    const up = this.up();
    if (up !== null) this.set({ ...up, ...some });
  }

  private set(state: PhoneState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}

/** The words that the worker means: they are said in the order they were typed. */
function pending(typed: Typed[], text: string | null): Typed | undefined {
  const waiting = typed.filter((one) => one.failed === null);
  return waiting.find((one) => one.text === text) ?? waiting[0];
}

/** Try here; when another worker has the call, there. */
async function elsewhere<Result>(
  here: string,
  callId: Id<"calls">,
  find: FindWorker,
  go: (url: string) => Promise<Result>,
): Promise<Result> {
  try {
    return await go(here);
  } catch (error) {
    if (!(error instanceof WorkerError) || error.code !== "ELSEWHERE") throw error;
    const there = await find(callId);
    if (there === null) throw error;
    return go(there);
  }
}

/** There is one for the page, however often its parts are drawn anew. */
export const phone = new Phone();
