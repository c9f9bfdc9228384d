import { useConvex } from "convex/react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Id } from "../api";
import { CallSound, SILENT, type Sound } from "./callSound";
import { useWorker } from "./worker";

export type ListenIn = Sound & {
  /** In a click: browsers want one before they play sound. */
  start: () => void;
  stop: () => void;
  /** In a click, when `state` is "blocked". */
  resume: () => void;
};

/** Hear both voices of a call, while it lasts and this is mounted. Off until `start`. */
export function useListenIn(callId: Id<"calls">): ListenIn {
  const worker = useWorker();
  const convex = useConvex();
  const [sound, setSound] = useState<Sound>(SILENT);
  const call = useRef<CallSound | null>(null);

  const stop = useCallback(() => {
    call.current?.stop();
    call.current = null;
    setSound(SILENT);
  }, []);
  const start = useCallback(() => {
    call.current?.stop();
    call.current = new CallSound({
      worker,
      convex,
      callId,
      path: "/rtc/listen",
      microphone: null,
      onChange: setSound,
    });
  }, [worker, convex, callId]);
  const resume = useCallback(() => call.current?.resume(), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another call is another connection
  useEffect(() => stop, [callId, stop]);
  return { ...sound, start, stop, resume };
}
