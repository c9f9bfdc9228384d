import { useMemo } from "react";
import { Badge } from "../ui/Badge";
import { Section } from "../ui/Card";
import { type Reported, supportOf } from "./evidence";
import { LineLink } from "./LineLink";
import type { Call, Request } from "./show";
import type { Lines } from "./transcript";

type OutcomeProps = { outcome: NonNullable<Request["outcome"]>; calls: Call[]; lines: Lines };

/** What came of it; each fact with the lines it rests on. */
export function Outcome({ outcome, calls, lines }: OutcomeProps) {
  return (
    <Section title="Outcome" aria-label="Outcome">
      <p className="whitespace-pre-wrap">{outcome.summary}</p>
      {outcome.reported.length > 0 && (
        <ul aria-label="What Floyd was told" className="mt-3 flex flex-col gap-2 border-line border-t pt-3">
          {outcome.reported.map((fact) => (
            <ReportedFact key={`${fact.callId}:${fact.text}`} fact={fact} calls={calls} lines={lines} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function ReportedFact({ fact, calls, lines }: { fact: Reported; calls: Call[]; lines: Lines }) {
  const support = useMemo(() => supportOf(fact, calls, lines), [fact, calls, lines]);
  return (
    <li>
      {fact.text}{" "}
      {support.length === 0 ? (
        <Badge tone="warn">unconfirmed</Badge>
      ) : (
        <span className="inline-flex flex-wrap gap-x-2.5 text-sm">
          {support.map(({ key, label, target }) => (
            <LineLink key={key} target={target}>
              {label}
            </LineLink>
          ))}
        </span>
      )}
    </li>
  );
}
