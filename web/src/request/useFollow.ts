import type { Virtualizer } from "@tanstack/react-virtual";
import { type UIEvent, useCallback, useEffect, useRef, useState } from "react";

/** Somebody this close to the end wants to follow what is said. */
const AT_END_PX = 48;
/** Less is a correction of the layout, and nobody's wish. */
const MOVED_PX = 4;

export type Follow = {
  following: boolean;
  onScroll: (event: UIEvent<HTMLElement>) => void;
  /** Go to the end, and follow from there on. */
  resume: () => void;
  /** Stay where the reader is. */
  yieldToReader: () => void;
};

/** Keeps the last row in sight, whatever grows or shrinks, until the reader scrolls up. */
export function useFollow(virtual: Virtualizer<HTMLElement, Element>, from: boolean): Follow {
  const [following, setFollowing] = useState(from);
  const lastTop = useRef(0);
  useEffect(() => {
    const box = virtual.scrollElement;
    if (following && box !== null && fromEnd(box) > 1) virtual.scrollToEnd();
  });
  const onScroll = useCallback((event: UIEvent<HTMLElement>) => {
    const box = event.currentTarget;
    const up = box.scrollTop < lastTop.current - MOVED_PX;
    lastTop.current = box.scrollTop;
    if (fromEnd(box) <= AT_END_PX) setFollowing(true);
    else if (up) setFollowing(false);
  }, []);
  const resume = useCallback(() => {
    setFollowing(true);
    virtual.scrollToEnd();
  }, [virtual]);
  const yieldToReader = useCallback(() => setFollowing(false), []);
  return { following, onScroll, resume, yieldToReader };
}

/** As the element has it: what the virtualizer knows may be a moment older than the event. */
function fromEnd(box: HTMLElement): number {
  return box.scrollHeight - box.clientHeight - box.scrollTop;
}
