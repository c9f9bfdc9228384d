import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { Button } from "../ui/Button";
import { Section } from "../ui/Card";
import { cn } from "../ui/cn";
import { Announcer } from "./Announcer";
import type { Show } from "./show";
import { TranscriptRow } from "./TranscriptRow";
import { type Lines, lineKey, type Row, rowsOf } from "./transcript";
import { useFollow } from "./useFollow";
import type { EarlierLines } from "./useLines";
import type { Jump } from "./useTarget";

/** First guesses, corrected as soon as a row is drawn: a heading, and an utterance of two lines on a phone. */
const ROW_PX: Record<Row["kind"], number> = { call: 40, line: 84, live: 84, ended: 40 };
/** Rows drawn beyond the edges, so that a flick of the wheel shows no gaps. */
const OVERSCAN = 12;
/** So many rows before the first that is there, earlier ones are fetched: a second or two of scrolling. */
const ROWS_AHEAD = 40;

type TranscriptProps = {
  show: Show;
  lines: Lines;
  earlier: EarlierLines;
  target: Jump | null;
  /** No taller than this; undefined: as is good for reading. */
  roomPx: number | undefined;
};

/** What is said, as it is said. It follows the last line until the reader scrolls up. */
export function Transcript({ show, lines, earlier, target, roomPx }: TranscriptProps) {
  const { calls, live } = show;
  const calleeName = show.request.number?.name;
  const rows = useMemo(() => rowsOf(calls, lines, live), [calls, lines, live]);
  const going = calls.some((call) => call.status !== "ended");
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (at) => ROW_PX[rows[at]?.kind ?? "line"],
    getItemKey: useCallback((at: number) => rows[at]?.key ?? at, [rows]),
    overscan: OVERSCAN,
    // Earlier lines that are put in front leave what is being read where it is.
    anchorTo: "end",
  });
  // What is over is read from its beginning, if that is there.
  const follow = useFollow(virtual, (going || earlier.more !== undefined) && target === null);

  const marked = useMemo(() => new Set(target?.seqs.map((seq) => lineKey(target.callId, seq))), [target]);
  const toFocus = useRef<string>(undefined);
  const missing = useJumpTo(target, rows, (at, key) => {
    follow.yieldToReader();
    virtual.scrollToIndex(at, { align: "center" });
    scroller.current?.scrollIntoView({ block: "nearest" });
    toFocus.current = key;
  });
  // The row is drawn a moment after it was scrolled to; whoever uses the keyboard goes on from there.
  useEffect(() => {
    if (toFocus.current === undefined) return;
    const drawn = scroller.current?.querySelectorAll<HTMLElement>("[data-key]") ?? [];
    const row = [...drawn].find((one) => one.dataset.key === toFocus.current);
    if (!row) return;
    toFocus.current = undefined;
    row.focus({ preventScroll: true });
  });

  // Whoever reads up through a long call finds the lines there already.
  const first = virtual.range?.startIndex ?? rows.length;
  useFetching(earlier, rows.length, missing || (!follow.following && first < ROWS_AHEAD));

  return (
    <Section
      title="Transcript"
      className={cn(
        "flex flex-col px-0 pb-0 sm:px-0 sm:pb-0 [&>div:first-child]:px-4",
        roomPx === undefined && "max-h-[min(75dvh,48rem)]",
      )}
      style={{ maxHeight: roomPx }}
      actions={
        earlier.more !== undefined && (
          <Button variant="ghost" size="sm" busy={earlier.busy} onClick={earlier.more}>
            <ArrowUp aria-hidden /> Earlier lines
          </Button>
        )
      }
    >
      <div className="relative flex min-h-0 flex-col border-line border-t">
        <section
          ref={scroller}
          aria-label="Transcript"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrollable with the keyboard
          tabIndex={0}
          onScroll={follow.onScroll}
          className="min-h-0 overflow-y-auto overscroll-contain focus-visible:-outline-offset-2"
        >
          <ol className="relative" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map(({ index, key, start }) => {
              const row = rows[index];
              if (row === undefined) return null;
              return (
                <li
                  key={key}
                  ref={virtual.measureElement}
                  data-index={index}
                  data-key={row.key}
                  aria-setsize={rows.length}
                  aria-posinset={index + 1}
                  tabIndex={-1}
                  className={cn(
                    "absolute inset-x-0 top-0 border-transparent border-l-4 outline-offset-[-2px]",
                    marked.has(row.key) && "border-accent bg-accent-soft",
                  )}
                  style={{ transform: `translateY(${start}px)` }}
                >
                  <TranscriptRow row={row} calleeName={calleeName} />
                </li>
              );
            })}
          </ol>
        </section>
        {going && !follow.following && (
          <Button size="sm" className="absolute bottom-3 left-1/2 -translate-x-1/2" onClick={follow.resume}>
            <ArrowDown aria-hidden /> To the latest
          </Button>
        )}
      </div>
      <Announcer rows={rows} calleeName={calleeName} />
    </Section>
  );
}

/** Goes to what was jumped to, once. True while it is not among the rows. */
function useJumpTo(target: Jump | null, rows: Row[], show: (index: number, key: string) => void): boolean {
  const done = useRef<Jump | null>(null);
  const seq = target?.seqs[0];
  const key = target === null || seq === undefined ? null : lineKey(target.callId, seq);
  const at = key === null ? -1 : rows.findIndex((row) => row.kind === "line" && row.key === key);
  useEffect(() => {
    if (key === null || at < 0 || done.current === target) return;
    done.current = target;
    show(at, key);
  });
  return key !== null && at < 0;
}

/** Fetches earlier lines while they are wanted: one page more each time the last one has come, and no more if none comes. */
function useFetching({ more, busy }: EarlierLines, rows: number, wanted: boolean): void {
  const askedAt = useRef<number>(undefined);
  useEffect(() => {
    if (!wanted || busy || more === undefined || askedAt.current === rows) return;
    askedAt.current = rows;
    more();
  }, [wanted, busy, more, rows]);
}
