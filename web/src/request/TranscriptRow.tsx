import { memo, type ReactNode } from "react";
import { cn } from "../ui/cn";
import { clock } from "../ui/moments";
import { spacedNumber } from "../ui/phoneNumbers";
import type { Call, Line, Live } from "./show";
import { runningClock } from "./times";
import { heardAndCut, type Row } from "./transcript";
import { callEnding, speakerName } from "./words";

type RowProps = { row: Row; calleeName: string | undefined };

/** One row of the transcript. Rows that have not changed are not drawn again. */
export const TranscriptRow = memo(function TranscriptRow({ row, calleeName }: RowProps) {
  switch (row.kind) {
    case "call":
      return <Heading call={row.call} />;
    case "line":
      return (
        <Spoken speaker={row.line.speaker} at={row.line.startedAt} since={row.since} calleeName={calleeName}>
          <Heard line={row.line} />
        </Spoken>
      );
    case "live":
      return (
        <Spoken speaker={row.live.speaker} at={undefined} since={row.since} calleeName={calleeName}>
          <BeingSpoken live={row.live} />
        </Spoken>
      );
    case "ended":
      return <Ended call={row.call} />;
  }
}, sameRow);

function sameRow(before: RowProps, now: RowProps): boolean {
  if (before.calleeName !== now.calleeName || before.row.kind !== now.row.kind) return false;
  const [a, b] = [before.row, now.row];
  if (a.kind === "line" && b.kind === "line") return a.line === b.line && a.since === b.since;
  if (a.kind === "live" && b.kind === "live") return a.live === b.live && a.since === b.since;
  return "call" in a && "call" in b && a.call === b.call;
}

function Heading({ call }: { call: Call }) {
  return (
    <p className="px-3 py-2 text-center text-muted text-sm">
      Call {call.attempt} to {spacedNumber(call.to)}
      {call.answeredAt !== undefined && `, answered at ${clock(call.answeredAt)}`}
    </p>
  );
}

function Ended({ call }: { call: Call }) {
  const { answeredAt, endedAt } = call;
  const after =
    answeredAt !== undefined && endedAt !== undefined && ` after ${runningClock(endedAt - answeredAt)}`;
  return (
    <p className="px-3 py-2 text-center text-muted text-sm">
      Call over{after}: {callEnding(call.endReason)}
    </p>
  );
}

type SpokenProps = {
  speaker: Line["speaker"];
  at: number | undefined;
  since: number | undefined;
  calleeName: string | undefined;
  children: ReactNode;
};

const nameColour: Record<Line["speaker"], string> = {
  floyd: "text-accent-ink",
  callee: "text-ink",
  owner: "text-info-ink",
};

function Spoken({ speaker, at, since, calleeName, children }: SpokenProps) {
  return (
    <div className="px-3 py-1.5">
      <p className="flex items-baseline gap-2 text-sm">
        <span className={cn("font-semibold", nameColour[speaker])}>{speakerName(speaker, calleeName)}</span>
        {at !== undefined && (
          <time
            dateTime={new Date(at).toISOString()}
            title={clock(at)}
            className="text-muted text-xs tabular-nums"
          >
            {since === undefined ? clock(at) : runningClock(at - since)}
          </time>
        )}
      </p>
      <p className="whitespace-pre-wrap">{children}</p>
    </div>
  );
}

/** What was heard, and struck out what was not because they were interrupted. */
function Heard({ line }: { line: Line }) {
  if (!line.interrupted) return line.text;
  const { heard, cut } = heardAndCut(line);
  return (
    <>
      {heard}
      {cut === "" && (
        <span aria-hidden className="text-muted">
          {" —"}
        </span>
      )}
      <span className="sr-only"> (interrupted{cut !== "" && "; not heard any more:"}</span>
      {cut !== "" && <s className="text-muted"> {cut}</s>}
      <span className="sr-only">)</span>
    </>
  );
}

function BeingSpoken({ live }: { live: Live }) {
  return (
    <span className="text-muted">
      {live.text}
      <span aria-hidden className="animate-breathe">
        {" …"}
      </span>
      <span className="sr-only"> (being spoken)</span>
    </span>
  );
}
