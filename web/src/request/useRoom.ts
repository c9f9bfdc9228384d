import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** Between the cards of the page. */
const GAP_PX = 20;
/** Four or five lines of a talk; less is no transcript, and the page may be scrolled instead. */
const LEAST_PX = 260;

export type Measured = {
  windowPx: number;
  /** From the top of the page to the transcript. */
  abovePx: number;
  /** The controls, and what they keep clear of below them. */
  controlsPx: number;
  belowPx: number;
};

/** How tall the transcript may be, so that on the page as it opens it ends where the controls begin. */
export function roomFor({ windowPx, abovePx, controlsPx, belowPx }: Measured): number {
  const below = controlsPx === 0 ? GAP_PX : controlsPx + GAP_PX;
  return Math.max(LEAST_PX, Math.floor(windowPx - abovePx - below - belowPx));
}

export type Room = {
  /** What the transcript is the first card of. */
  columns: RefObject<HTMLDivElement | null>;
  controls: RefObject<HTMLElement | null>;
  /** Undefined unless `fit`. */
  px: number | undefined;
};

/** While they talk, what is being said and the controls are in sight together. */
export function useRoom(fit: boolean): Room {
  const columns = useRef<HTMLDivElement>(null);
  const controls = useRef<HTMLElement>(null);
  const [px, setPx] = useState<number>();
  useLayoutEffect(() => {
    if (!fit) return setPx(undefined);
    function measure() {
      if (columns.current === null) return;
      const bar = controls.current;
      // On a phone there are no columns, only cards below each other; beside others the transcript moves with the page.
      const asColumns = columns.current.getClientRects().length > 0;
      const first = asColumns ? columns.current : columns.current.querySelector("section");
      setPx(
        roomFor({
          windowPx: window.innerHeight,
          abovePx: (first?.getBoundingClientRect().top ?? 0) + window.scrollY,
          controlsPx: bar?.offsetHeight ?? 0,
          belowPx: (bar && Number.parseFloat(getComputedStyle(bar).bottom)) || GAP_PX,
        }),
      );
    }
    measure();
    // The page grows when a question comes or a title is longer; the controls when one whispers.
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    if (controls.current !== null) observer.observe(controls.current);
    window.addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      window.removeEventListener("resize", measure);
    };
  }, [fit]);
  return { columns, controls, px };
}
