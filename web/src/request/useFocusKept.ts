import { useEffect, useRef } from "react";

/**
 * Whoever uses the keyboard goes on from the content when what they were at has gone: an answered question, the
 * controls of a call that is over. Otherwise they would be back at the top of the page.
 */
export function useFocusKept(): void {
  const last = useRef<EventTarget>(null);
  useEffect(() => {
    const note = (event: FocusEvent) => {
      last.current = event.target;
    };
    document.addEventListener("focusin", note);
    return () => document.removeEventListener("focusin", note);
  }, []);
  useEffect(() => {
    const gone = last.current instanceof HTMLElement && !last.current.isConnected;
    if (!gone || document.activeElement !== document.body) return;
    last.current = null;
    document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true });
  });
}
