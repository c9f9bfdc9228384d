import { useSyncExternalStore } from "react";

/** What says "3 min ago" or "Scheduled" may be this late. */
const COARSE_MS = 20_000;

/** One clock for the whole page, so that a long list has one timer. */
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, COARSE_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

/** The time in epoch milliseconds, new every 20 seconds. */
export function useNow(): number {
  // A clock that nobody watched stands still.
  if (listeners.size === 0) now = Date.now();
  return useSyncExternalStore(subscribe, () => now);
}
