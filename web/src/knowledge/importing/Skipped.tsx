import type { SkippedEntry } from "./found";
import { inWords } from "./reasons";

/** More is not read by anybody; the number of them is said. */
const MAX_SHOWN = 300;

/** What is left out, and why. `place`: what a `row` is called. */
export function Skipped({ entries, place }: { entries: readonly SkippedEntry[]; place: string }) {
  if (entries.length === 0) return null;
  const shown = entries.slice(0, MAX_SHOWN);
  return (
    <details className="rounded-card bg-warn-soft px-4 py-3 text-sm text-warn-ink">
      <summary className="rounded font-medium">{entries.length.toLocaleString()} left out</summary>
      <ul aria-label="Left out" className="mt-2 flex max-h-52 flex-col gap-1.5 overflow-y-auto">
        {shown.map(({ row, who, reason }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the list is read anew as a whole, and rows repeat in it
          <li key={at}>
            <span className="font-medium">{who}</span> ({place} {row.toLocaleString()}): {inWords(reason)}
          </li>
        ))}
        {entries.length > shown.length && (
          <li>and {(entries.length - shown.length).toLocaleString()} more</li>
        )}
      </ul>
    </details>
  );
}
