import { Section } from "../ui/Card";
import type { Call } from "./show";
import { dollars, usedBy } from "./usage";

/** What the calls have used, and what that cost if prices are known. */
export function Cost({ calls }: { calls: Call[] }) {
  const used = usedBy(calls);
  if (used === null) return null;
  return (
    <Section
      title={used.usd === undefined ? "Usage" : "Cost"}
      actions={
        used.usd !== undefined && <span className="font-semibold tabular-nums">{dollars(used.usd)}</span>
      }
    >
      <dl className="flex flex-col gap-1 text-sm tabular-nums">
        {used.units.map(({ unit, name, amount, usd }) => (
          <div key={unit} className="flex justify-between gap-3">
            <dt className="text-muted">{name}</dt>
            <dd>
              {amount}
              {usd !== undefined && <span className="text-muted"> · {dollars(usd)}</span>}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
