import { useConvex } from "convex/react";
import { useRef, useState } from "react";
import { api } from "../api";
import { useAct } from "../ui/useAct";
import type { Call, Line } from "./show";
import { LINES_SHOWN, type Lines, withEarlierLines } from "./transcript";

/** A few screens more; answered within a moment. */
const PAGE_LINES = 500;

export type EarlierLines = {
  /** What has been fetched so far. Lines never change, so it is fetched once. */
  fetched: Line[];
  /** Fetches the next page; undefined when there is nothing earlier. */
  more: (() => void) | undefined;
  busy: boolean;
};

/** The lines before those that the live query brings, when somebody wants to see them. */
export function useEarlierLines(calls: Call[], lines: Lines): EarlierLines {
  const convex = useConvex();
  const [fetched, setFetched] = useState<Line[]>([]);
  const [whole, setWhole] = useState<ReadonlySet<string>>(new Set());
  const cursors = useRef(new Map<string, string>());
  const call = withEarlierLines(calls, lines, whole);
  const fetching = useAct(async (of: Call) => {
    const cursor = cursors.current.get(of._id) ?? null;
    // Pages begin at the newest line: what is on the page already comes with the first.
    const numItems = cursor === null ? LINES_SHOWN + PAGE_LINES : PAGE_LINES;
    const paginationOpts = { numItems, cursor };
    const { page, isDone, continueCursor } = await convex.query(api.transcript.list, {
      callId: of._id,
      paginationOpts,
    });
    cursors.current.set(of._id, continueCursor);
    setFetched((known) => [...known, ...page]);
    if (isDone) setWhole((known) => new Set(known).add(of._id));
  });
  return {
    fetched,
    more: call === null ? undefined : () => void fetching.run(call),
    busy: fetching.busy,
  };
}
