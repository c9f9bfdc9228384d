/** Short messages about something that was just done, or could not be. Shown by `Toasts`. */

export type Toast = {
  id: number;
  tone: "plain" | "error";
  text: string;
  action?: { label: string; run: () => void } | undefined;
};

/** Long enough to be read slowly; an error or one with a button stays longer. */
const PLAIN_MS = 5_000;
const LONG_MS = 10_000;
/** More would cover the page. */
const MAX_SHOWN = 3;

let shown: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();
const timers = new Map<number, ReturnType<typeof setTimeout>>();

function show(tone: Toast["tone"], text: string, action?: Toast["action"]): number {
  const id = ++lastId;
  // The same message again replaces the one that is there.
  const others = shown.filter((one) => one.text !== text).slice(1 - MAX_SHOWN);
  set([...others, { id, tone, text, action }]);
  resume(id);
  return id;
}

export const toast = {
  say: (text: string, action?: Toast["action"]): number => show("plain", text, action),
  error: (text: string, action?: Toast["action"]): number => show("error", text, action),
  close,
};

export function close(id: number): void {
  pause(id);
  set(shown.filter((one) => one.id !== id));
}

/** All of them: what they tell, and offer to undo, was another person's doing. */
export function clear(): void {
  for (const { id } of shown) close(id);
}

/** While somebody points at it, it stays. */
export function pause(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

export function resume(id: number): void {
  const one = shown.find((each) => each.id === id);
  if (one === undefined) return;
  pause(id);
  const stays = one.tone === "error" || one.action !== undefined ? LONG_MS : PLAIN_MS;
  timers.set(
    id,
    setTimeout(() => close(id), stays),
  );
}

function set(next: readonly Toast[]): void {
  shown = next;
  for (const listener of listeners) listener();
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const current = (): readonly Toast[] => shown;
