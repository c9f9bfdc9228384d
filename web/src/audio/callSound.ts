/** The sound of a call that is going on: connected, played, and connected again when the connection is lost. */
import type { ConvexReactClient } from "convex/react";
import { api, type Id } from "../api";
import { Loudspeaker } from "./Loudspeaker";
import { openPeer, type Peer } from "./peer";
import { type Worker, WorkerError } from "./worker";

export type SoundState =
  | "off"
  | "connecting"
  | "on"
  /** The browser plays no sound before a click: call `resume` in one. */
  | "blocked"
  | "reconnecting"
  /** The call is over. */
  | "ended"
  /** It did not work; `problem` says why. */
  | "failed";

export type Sound = {
  state: SoundState;
  problem: string | null;
  /** For a level meter. */
  stream: MediaStream | null;
};

export const SILENT: Sound = { state: "off", problem: null, stream: null };

/** Pauses before another try, in ms: half a minute in all, then somebody may press the button again. */
const PAUSES_MS = [300, 1_000, 2_000, 4_000, 8_000, 15_000];
/** A connection that held for so long was a good one: the pauses begin anew. */
const HELD_MS = 10_000;

type Wish = {
  worker: Worker;
  convex: ConvexReactClient;
  callId: Id<"calls">;
  path: "/rtc/listen" | "/rtc/speak";
  microphone: MediaStream | null;
  onChange: (sound: Sound) => void;
};

export class CallSound {
  private readonly loudspeaker = new Loudspeaker();
  private readonly stopping = new AbortController();
  private readonly wish: Wish;
  private address: string | null = null;
  private peer: Peer | null = null;
  private wake: (() => void) | null = null;

  constructor(wish: Wish) {
    this.wish = wish;
    void this.run();
  }

  /** To be called in a click, when the state is `blocked`. */
  resume(): void {
    void this.loudspeaker.resume().then((plays) => {
      if (plays && this.peer !== null) this.tell("on");
    });
  }

  stop(): void {
    this.stopping.abort();
    this.wake?.();
    this.peer?.close();
    this.loudspeaker.stop();
  }

  private async run(): Promise<void> {
    let tries = 0;
    this.tell("connecting");
    while (!this.stopping.signal.aborted) {
      const began = performance.now();
      let end: "ended" | "replaced" | "lost";
      try {
        end = await this.connection();
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        if (!(error instanceof WorkerError)) throw error;
        if (error.code === "ENDED" || error.code === "NOT_FOUND") return this.finish("ended");
        if (!isPassing(error.code)) return this.finish("failed", error.message);
        end = "lost";
      }
      if (this.stopping.signal.aborted) return;
      if (end === "ended") return this.finish("ended");
      if (end === "replaced") return this.finish("failed", "You speak on this call in another window.");
      if (performance.now() - began > HELD_MS) tries = 0;
      const pause = PAUSES_MS[tries++];
      if (pause === undefined) return this.finish("failed", "The connection to Floyd was lost.");
      this.tell("reconnecting");
      await this.sleep(pause);
    }
  }

  /** One connection, from its offer to its end. Raises `WorkerError`. */
  private async connection(): Promise<"ended" | "replaced" | "lost"> {
    const { worker, path, callId, microphone } = this.wish;
    const url = this.address ?? worker.url;
    let last: "lost" | "ended" | "replaced" = "lost";
    let over: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => {
      over = resolve;
    });
    try {
      const peer = await openPeer(
        { ...worker, url },
        {
          path,
          body: { callId },
          direction: microphone === null ? "receive" : "both",
          microphone,
          signal: this.stopping.signal,
          onMessage: (message) => {
            if (message.kind !== "ended" && message.kind !== "replaced") return;
            last = message.kind;
            peer.close();
          },
          onState: (state) => {
            if (state === "connected") void this.play(peer);
            if (state === "lost" || state === "closed") over?.();
          },
        },
      );
      this.peer = peer;
    } catch (error) {
      if (error instanceof WorkerError && error.code === "ELSEWHERE") await this.findWorker();
      throw error;
    }
    await gone;
    this.peer = null;
    return last;
  }

  private async play(peer: Peer): Promise<void> {
    const plays = await this.loudspeaker.play(peer.sound);
    if (this.peer === peer) this.tell(plays ? "on" : "blocked", null, peer.sound);
  }

  /** Another worker than the page's may have the call. */
  private async findWorker(): Promise<void> {
    const found = await this.wish.convex
      .query(api.calls.access, { callId: this.wish.callId })
      .catch(() => null);
    if (found?.address !== undefined) this.address = found.address.replace(/\/$/, "");
  }

  private finish(state: "ended" | "failed", problem: string | null = null): void {
    this.loudspeaker.stop();
    this.tell(state, problem);
  }

  private tell(state: SoundState, problem: string | null = null, stream: MediaStream | null = null): void {
    if (!this.stopping.signal.aborted) {
      this.wish.onChange({
        state,
        problem,
        stream: stream ?? (state === "on" ? (this.peer?.sound ?? null) : null),
      });
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Worth another try by itself. */
function isPassing(code: string): boolean {
  return ["LOST", "ELSEWHERE", "UNAVAILABLE", "BUSY"].includes(code);
}
