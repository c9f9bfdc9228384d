import { useConvex } from "convex/react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Id } from "../api";
import { CallSound, SILENT, type Sound } from "./callSound";
import { MicrophoneError, openMicrophone, release } from "./microphone";
import { useWorker } from "./worker";

export type Speak = Sound & {
  /** One's own voice, for a level meter. */
  microphone: MediaStream | null;
  muted: boolean;
  setMuted: (muted: boolean) => void;
  /** In a click. Resolves to false when there is no microphone (`problem` says why): then don't take over. */
  start: () => Promise<boolean>;
  stop: () => void;
  resume: () => void;
};

/** Speak on a call, and hear the callee. What is said goes to the callee only while the call is taken over. */
export function useSpeak(callId: Id<"calls">): Speak {
  const worker = useWorker();
  const convex = useConvex();
  const [sound, setSound] = useState<Sound>(SILENT);
  const [microphone, setMicrophone] = useState<MediaStream | null>(null);
  const [muted, setMutedState] = useState(false);
  const call = useRef<CallSound | null>(null);
  const own = useRef<MediaStream | null>(null);
  const wanted = useRef(0);

  const stop = useCallback(() => {
    wanted.current += 1;
    call.current?.stop();
    call.current = null;
    release(own.current);
    own.current = null;
    setMicrophone(null);
    setMutedState(false);
    setSound(SILENT);
  }, []);

  const start = useCallback(async () => {
    stop();
    const mine = wanted.current;
    setSound({ state: "connecting", problem: null, stream: null });
    let opened: MediaStream;
    try {
      opened = await openMicrophone();
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      if (wanted.current === mine) setSound({ state: "failed", problem: error.message, stream: null });
      return false;
    }
    if (wanted.current !== mine) {
      release(opened);
      return false;
    }
    own.current = opened;
    setMicrophone(opened);
    call.current = new CallSound({
      worker,
      convex,
      callId,
      path: "/rtc/speak",
      microphone: opened,
      onChange: setSound,
    });
    return true;
  }, [stop, worker, convex, callId]);

  const setMuted = useCallback((silent: boolean) => {
    for (const track of own.current?.getAudioTracks() ?? []) track.enabled = !silent;
    setMutedState(silent);
  }, []);
  const resume = useCallback(() => call.current?.resume(), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another call is another connection
  useEffect(() => stop, [callId, stop]);
  return { ...sound, microphone, muted, setMuted, start, stop, resume };
}
