/** This page as the phone that is called (FLOYD_LINE=browser): sound both ways, and messages. */
import type { Id } from "../api";
import { type Message, openPeer, type Peer, type PeerState } from "./peer";
import type { Worker } from "./worker";

export type LineOptions = {
  /** Null: one types instead; `peer.speakWith` can add it later. */
  microphone: MediaStream | null;
  onState: (state: PeerState) => void;
  /** What the worker says: `{kind: "spoken", text}`, `{kind: "error", code, message}`. */
  onMessage: (message: Message) => void;
  signal?: AbortSignal;
};

/**
 * Pick up. `peer.sound` is what the caller says (play it with a `Loudspeaker`); `peer.send` takes
 * `{kind: "say", text}`, `{kind: "digit", key}` and `{kind: "hangUp"}`. A connection that is lost ends the call.
 *
 * Raises `WorkerError`: code CONFLICT when it does not ring any more.
 */
export function openLine(worker: Worker, callId: Id<"calls">, options: LineOptions): Promise<Peer> {
  return openPeer(worker, { ...options, path: "/rtc/line", body: { callId }, direction: "both" });
}
