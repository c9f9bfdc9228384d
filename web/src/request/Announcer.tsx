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
  const said = rows.filter((row) => row.kind === "line");
  // Lines that were there already are for reading, and so are earlier ones that are fetched later.
  const since = useRef(Math.max(0, ...said.map(({ line }) => line._creationTime)));
  const written = said.filter(({ line }) => line._creationTime > since.current).slice(-KEPT);
  return (
    <div role="log" aria-live="polite" aria-label="New lines" className="sr-only">
      {written.map(({ key, line }) => (
        <p key={key}>
          {speakerName(line.speaker, calleeName)}: {heardAndCut(line).heard}
          {line.interrupted && " (interrupted)"}
        </p>
      ))}
    </div>
  );
}
