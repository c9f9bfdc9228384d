/** Whether calls are heard as well as seen; kept in this browser. */
import { useSyncExternalStore } from "react";

const KEY = "floyd.ring";
const listeners = new Set<() => void>();
/** Where the browser keeps nothing, the choice holds until the page is closed. */
let silent = stored();

export function useRingSilent(): [boolean, (silent: boolean) => void] {
  return [useSyncExternalStore(subscribe, () => silent), setSilent];
}

function setSilent(next: boolean): void {
  silent = next;
  try {
    localStorage.setItem(KEY, next ? "silent" : "sound");
  } catch {
    // Private windows of some browsers.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("storage", onStorage);
  return () => listeners.delete(listener);
}

/** Chosen in another tab. */
function onStorage(event: StorageEvent): void {
  if (event.key !== KEY) return;
  silent = stored();
  for (const listener of listeners) listener();
}

function stored(): boolean {
  try {
    return localStorage.getItem(KEY) === "silent";
  } catch {
    return false;
  }
}
