/**
 * The code of a one-time link, `<page>/sign-in#<code>`. It rides in the fragment, which browsers send to nobody,
 * and is taken out of the address bar when this file is loaded: before anything is drawn, and before anybody
 * can copy the address, bookmark it or find it in the history.
 */
import { paths } from "../routes";

// 256 random bits in base64url.
const CODE = /^[A-Za-z0-9_-]{43}$/;

let waiting: string | null = null;
const listeners = new Set<() => void>();

function take(): void {
  if (location.pathname !== paths.signIn || location.hash.length < 2) return;
  waiting = decoded(location.hash.slice(1));
  history.replaceState(history.state, "", location.pathname + location.search);
  for (const listener of listeners) listener();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

take();
// A second link pasted into the same tab changes the fragment alone, and loads nothing.
addEventListener("hashchange", take);

/** The code that came with the address, until it is forgotten. */
export function linkCode(): string | null {
  return waiting;
}

export function forgetLinkCode(): void {
  waiting = null;
}

export function onLinkCode(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** What somebody pasted: a whole link or its code. Null when it is neither. */
export function codeIn(pasted: string): string | null {
  const text = pasted.trim();
  const code = text.slice(text.lastIndexOf("#") + 1);
  return CODE.test(code) ? code : null;
}
