/** What functions log, and how they end, as it happens. */
import { type ReactNode, useEffect, useState } from "react";
import { useConnection } from "./connection.ts";
import { Empty } from "./parts.tsx";

type Entry = {
  udfType: string;
  identifier: string;
  timestamp: number;
  executionTime: number;
  logLines: string[];
  error: string | null;
  requestId: string;
};

const KEPT = 500;
const RETRY_MS = 2_000;

export function Logs(): ReactNode {
  const { adminKey } = useConnection();
  const [entries, setEntries] = useState<Entry[]>([]);
  const [paused, pause] = useState(false);
  const [wanted, want] = useState("");
  const [onlyErrors, setOnlyErrors] = useState(false);
  useEffect(() => {
    if (paused) return;
    const ended = new AbortController();
    const follow = async () => {
      let cursor = 0.001;
      while (!ended.signal.aborted) {
        try {
          const response = await fetch(`/api/stream_function_logs?cursor=${cursor}`, {
            headers: { authorization: `Convex ${adminKey}` },
            signal: ended.signal,
          });
          const { entries: found, newCursor } = (await response.json()) as {
            entries: Entry[];
            newCursor: number;
          };
          cursor = newCursor;
          if (found.length > 0) {
            setEntries((before) => {
              const known = new Set(before.map((entry) => entry.requestId + entry.timestamp));
              const fresh = found.filter((entry) => !known.has(entry.requestId + entry.timestamp));
              return [...fresh.reverse(), ...before].slice(0, KEPT);
            });
          }
        } catch {
          if (!ended.signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    };
    void follow();
    return () => ended.abort();
  }, [adminKey, paused]);
  const shown = entries.filter(
    (entry) => entry.identifier.includes(wanted.trim()) && (!onlyErrors || entry.error !== null),
  );
  return (
    <section aria-label="Logs">
      <div className="bar">
        <input
          aria-label="Function"
          placeholder="function"
          value={wanted}
          onChange={(event) => want(event.target.value)}
        />
        <label className="inline">
          <input
            type="checkbox"
            checked={onlyErrors}
            onChange={(event) => setOnlyErrors(event.target.checked)}
          />
          Errors only
        </label>
        <span className="spring" />
        <button type="button" aria-pressed={paused} onClick={() => pause(!paused)}>
          {paused ? "Go on" : "Pause"}
        </button>
      </div>
      {shown.length === 0 ? (
        <Empty>{paused ? "Paused." : "Waiting for functions to run…"}</Empty>
      ) : (
        <ol className="log">
          {shown.map((entry) => (
            <li key={entry.requestId + entry.timestamp} className={entry.error ? "failed" : ""}>
              <span className="quiet">{new Date(entry.timestamp * 1000).toLocaleTimeString()}</span>{" "}
              <b>{entry.identifier}</b>{" "}
              <span className="quiet">
                {entry.udfType} {Math.round(entry.executionTime * 1000)} ms
              </span>
              {entry.logLines.length > 0 && <pre>{entry.logLines.join("\n")}</pre>}
              {entry.error && <pre className="problem">{entry.error.trimEnd()}</pre>}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
