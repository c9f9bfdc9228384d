import { useEffect } from "react";
import { useRingSilent } from "./ringSetting";
import { ring } from "./tones";

/** Rings while `on`, unless this browser was told not to. */
export function useRing(on: boolean): void {
  const [silent] = useRingSilent();
  const heard = on && !silent;
  useEffect(() => {
    if (!heard) return;
    const ringing = new AbortController();
    ring(matchMedia("(prefers-reduced-motion: reduce)").matches, ringing.signal);
    return () => ringing.abort();
  }, [heard]);
}
