import { memo, useMemo, useState } from "react";
import { Button } from "../ui/Button";
import { Section } from "../ui/Card";
import type { Call, Turn } from "./show";
import {
  type Bar,
  milliseconds,
  PARTS,
  type PartField,
  spread,
  type Waterfall,
  waterfall,
} from "./waterfall";

/** What can be compared at a glance; the table has them all. */
const BARS_SHOWN = 24;
const BAR_PX = 14;
const GAP_PX = 5;
const AXIS_PX = 18;
/** The labels of the turns, the bars, and with the totals the whole picture: about as wide as a phone leaves it. */
const LABEL_PX = 26;
const BARS_PX = 220;
const WIDTH_PX = 300;

const fill: Record<PartField, string> = {
  endpointingMs: "fill-line-strong",
  modelMs: "fill-accent",
  speechMs: "fill-info-ink",
  floydMs: "fill-warn-ink",
};
const swatch: Record<PartField, string> = {
  endpointingMs: "bg-line-strong",
  modelMs: "bg-accent",
  speechMs: "bg-info-ink",
  floydMs: "bg-warn-ink",
};

/** How long they waited for each answer of Floyd's, and for what. */
export const Latency = memo(function Latency({ turns, calls }: { turns: Turn[]; calls: Call[] }) {
  const [table, setTable] = useState(false);
  const all = useMemo(() => waterfall(turns, calls), [turns, calls]);
  const recent = useMemo(() => {
    const shown = new Set(all.bars.slice(-BARS_SHOWN).map((bar) => bar.key));
    return waterfall(
      turns.filter((turn) => shown.has(turn._id)),
      calls,
    );
  }, [all, turns, calls]);
  const typical = useMemo(() => spread(turns), [turns]);
  if (turns.length === 0) return null;
  return (
    <Section
      title="How fast it answered"
      actions={
        <Button variant="ghost" size="sm" aria-expanded={table} onClick={() => setTable(!table)}>
          {table ? "As a picture" : "As a table"}
        </Button>
      }
    >
      {typical !== null && (
        <p className="mb-3 text-muted text-sm">
          From the end of their words to the first of Floyd's: half within{" "}
          <span className="text-ink">{milliseconds(typical.medianMs)}</span>, 95% within{" "}
          <span className="text-ink">{milliseconds(typical.p95Ms)}</span>.
        </p>
      )}
      {table ? <Table waterfall={all} /> : <Picture waterfall={recent} of={all.bars.length} />}
    </Section>
  );
});

function Picture({ waterfall: { bars, ticksMs, widthMs }, of }: { waterfall: Waterfall; of: number }) {
  const height = bars.length * (BAR_PX + GAP_PX) + AXIS_PX;
  const across = (share: number) => LABEL_PX + share * BARS_PX;
  return (
    <figure>
      <svg
        viewBox={`0 0 ${WIDTH_PX} ${height}`}
        role="img"
        aria-label={`The waits of ${bars.length} turns; also as a table`}
        className="w-full fill-muted text-[11px] tabular-nums"
      >
        {ticksMs.map((ms) => (
          <g key={ms}>
            <line
              x1={across(ms / widthMs)}
              x2={across(ms / widthMs)}
              y1={0}
              y2={height - AXIS_PX}
              className="stroke-line"
            />
            <text x={across(ms / widthMs)} y={height - 4} textAnchor="middle">
              {ms === 0 ? "0" : milliseconds(ms)}
            </text>
          </g>
        ))}
        {bars.map((bar, row) => (
          <g key={bar.key} transform={`translate(0 ${row * (BAR_PX + GAP_PX)})`}>
            <text x={LABEL_PX - 6} y={BAR_PX - 3} textAnchor="end">
              {bar.label}
            </text>
            {bar.pieces.map(({ field, x, width }) => (
              <rect
                key={field}
                x={across(x)}
                width={width * BARS_PX}
                height={BAR_PX}
                className={fill[field]}
              />
            ))}
            <text
              x={WIDTH_PX}
              y={BAR_PX - 3}
              textAnchor="end"
              className={bar.interrupted ? "fill-muted" : "fill-ink"}
            >
              {milliseconds(bar.totalMs)}
            </text>
          </g>
        ))}
      </svg>
      <figcaption className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-muted text-sm">
        {PARTS.map(({ field, name }) => (
          <span key={field} className="inline-flex items-center gap-1.5">
            <span aria-hidden className={`size-2.5 rounded-xs ${swatch[field]}`} />
            {name}
          </span>
        ))}
        {of > bars.length && (
          <span>
            The last {bars.length} of {of} turns.
          </span>
        )}
      </figcaption>
    </figure>
  );
}

function Table({ waterfall: { bars } }: { waterfall: Waterfall }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrollable with the keyboard
    <section aria-label="Waits, as a table" tabIndex={0} className="max-h-96 overflow-auto">
      <table className="w-full whitespace-nowrap text-right text-xs tabular-nums">
        <caption className="sr-only">
          Milliseconds of each turn:{" "}
          {PARTS.map(({ name, meaning }) => `${name.toLowerCase()}, ${meaning}`).join("; ")}
        </caption>
        <thead className="text-muted">
          <tr>
            <th scope="col" className="pr-2 pb-1 text-left font-medium">
              Turn
            </th>
            {PARTS.map(({ field, name }) => (
              <th key={field} scope="col" className="px-1 pb-1 font-medium">
                {name}
              </th>
            ))}
            <th scope="col" className="pb-1 pl-1 font-medium">
              Total
            </th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => (
            <TableRow key={bar.key} bar={bar} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function TableRow({ bar }: { bar: Bar }) {
  return (
    <tr className="border-line border-t">
      <th scope="row" className="py-1 pr-2 text-left font-normal">
        {bar.label}
        {bar.interrupted && (
          <span className="text-muted">
            <span aria-hidden> cut</span>
            <span className="sr-only"> interrupted</span>
          </span>
        )}
      </th>
      {PARTS.map(({ field }) => {
        const piece = bar.pieces.find((one) => one.field === field);
        return (
          <td key={field} className="px-1 py-1">
            {piece === undefined ? "–" : Math.round(piece.ms)}
          </td>
        );
      })}
      <td className="py-1 pl-1">{bar.totalMs === undefined ? "–" : Math.round(bar.totalMs)}</td>
    </tr>
  );
}
