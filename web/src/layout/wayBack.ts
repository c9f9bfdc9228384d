/** The way back leads to where a page with a list was left, not to its beginning. */
import { useEffect, useLayoutEffect, useRef } from "react";

type Place = {
  /** Pixels that the page was scrolled by. */
  top: number;
  /** So many rows were loaded. */
  rows: number;
};

/** By the address of the page that was left. */
const left = new Map<string, Place>();

/** Whether the address at hand was come back to by the browser's buttons, rather than gone to. */
let cameBack = false;
window.addEventListener("popstate", () => {
  cameBack = true;
});
// By these the router tells of what is gone to.
for (const name of ["pushState", "replaceState"])
  window.addEventListener(name, () => {
    cameBack = false;
  });

const address = (): string => location.pathname + location.search;

/** Where this page was left, if somebody has just come back to it. */
export function placeLeft(): Place | undefined {
  return cameBack ? left.get(address()) : undefined;
}

/** For the list of a page. `rows` are loaded by now, undefined: none yet. `place`: where it was left, if it was. */
export function useWayBack(rows: number | undefined, place: Place | undefined): void {
  const goal = useRef(place);
  useLayoutEffect(() => {
    if (rows === undefined || goal.current === undefined) return;
    window.scrollTo(0, goal.current.top);
    goal.current = undefined;
  }, [rows]);

  const shown = useRef({ address: address(), rows });
  useEffect(() => {
    shown.current = { address: address(), rows };
  });
  useLayoutEffect(
    () => () => {
      const { address, rows } = shown.current;
      if (rows !== undefined) left.set(address, { top: window.scrollY, rows });
    },
    [],
  );
}
