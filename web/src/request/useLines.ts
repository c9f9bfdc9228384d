import { useConvex } from "convex/react";
import { useMemo, useRef, useState } from "react";
import { api } from "../api";
import { useAct } from "../ui/useAct";
import type { Call, Line } from "./show";
import { LINES_SHOWN, type Lines, withEarlierLines, withNewest } from "./transcript";

/** A few screens more; answered within a moment. */
const PAGE_LINES = 500;

export type EarlierLines = {
  /** Fetches the next page; undefined when there is nothing earlier. */
  more: (() => void) | undefined;
  busy: boolean;
};

/**
 * The lines of all calls. The live query brings the newest; what it has brought stays when newer ones take their
 * place, and what came before can be fetched. Lines never change, so each is fetched once.
 */
export function useLines(calls: Call[], newest: Line[]): { lines: Lines; earlier: EarlierLines } {
  const convex = useConvex();
  const [fetched, setFetched] = useState<Line[]>([]);
  const [whole, setWhole] = useState<ReadonlySet<string>>(new Set());
  const seen = useRef<Lines>(new Map());
  const lines = useMemo(() => {
    seen.current = withNewest(seen.current, [...fetched, ...newest]);
    return seen.current;
  }, [fetched, newest]);
  /** Where the next page of a call begins, and the line it follows. */
  const cursors = useRef(new Map<string, { cursor: string; after: number | undefined }>());
  const call = withEarlierLines(calls, lines, whole);
  const fetching = useAct(async ({ _id: callId }: Call) => {
    const known = cursors.current.get(callId);
    const cursor = known !== undefined && known.after === lines.get(callId)?.[0]?.seq ? known.cursor : null;
    // Pages begin at the newest line: what is on the page already comes with the first.
    const numItems = cursor === null ? LINES_SHOWN + PAGE_LINES : PAGE_LINES;
    const paginationOpts = { numItems, cursor };
    const found = await convex.query(api.transcript.list, { callId, paginationOpts });
    cursors.current.set(callId, { cursor: found.continueCursor, after: found.page.at(-1)?.seq });
    setFetched((before) => [...before, ...found.page]);
    if (found.isDone) setWhole((before) => new Set(before).add(callId));
  });
  return {
    lines,
    earlier: { more: call === null ? undefined : () => void fetching.run(call), busy: fetching.busy },
  };
}
