import type { Virtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useRef, useState } from "react";

/** Somebody this close to the end wants to follow what is said. */
const AT_END_PX = 48;
/** Less is a correction of the layout, and nobody's wish. */
const MOVED_PX = 4;

export type Follow = {
  following: boolean;
  onScroll: () => void;
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
    if (following && !virtual.isAtEnd(1)) virtual.scrollToEnd();
  });
  const onScroll = useCallback(() => {
    const top = virtual.scrollElement?.scrollTop ?? 0;
    const up = top < lastTop.current - MOVED_PX;
    lastTop.current = top;
    if (virtual.isAtEnd(AT_END_PX)) setFollowing(true);
    else if (up) setFollowing(false);
  }, [virtual]);
  const resume = useCallback(() => {
    setFollowing(true);
    virtual.scrollToEnd();
  }, [virtual]);
  const yieldToReader = useCallback(() => setFollowing(false), []);
  return { following, onScroll, resume, yieldToReader };
}
