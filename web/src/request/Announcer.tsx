import { useRef } from "react";
import type { Row } from "./transcript";
import { heardAndCut } from "./transcript";
import { speakerName } from "./words";

/** What is read out may lag behind what is spoken by so much; older lines are to be looked up. */
const KEPT = 3;

/**
 * New lines, for those who listen to the page. The list itself is no live region: its rows come and go as it is
 * scrolled, and words in the making change too often.
 */
export function Announcer({ rows, calleeName }: { rows: Row[]; calleeName: string | undefined }) {
  const known = useRef(new Set<string>(rows.map((row) => row.key)));
  const written = rows.filter((row) => row.kind === "line" && !known.current.has(row.key)).slice(-KEPT);
  return (
    <div role="log" aria-live="polite" aria-label="New lines" className="sr-only">
      {written.map(
        (row) =>
          row.kind === "line" && (
            <p key={row.key}>
              {speakerName(row.line.speaker, calleeName)}: {heardAndCut(row.line).heard}
              {row.line.interrupted && " (interrupted)"}
            </p>
          ),
      )}
    </div>
  );
}
