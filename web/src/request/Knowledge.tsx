import { useMemo } from "react";
import { Badge } from "../ui/Badge";
import { Section } from "../ui/Card";
import { PhoneNumber } from "../ui/PhoneNumber";
import { type Known, knownAndTold } from "./knowledge";
import { LineLink } from "./LineLink";
import type { Show } from "./show";
import type { Lines } from "./transcript";

const sharingWords = { free: "may be told", ask: "told only after asking you", never: "never told" } as const;

/** The facts that Floyd chose for this request, and which of them it told to whom. */
export function Knowledge({ show, lines }: { show: Show; lines: Lines }) {
  const { request, disclosures, calls } = show;
  const known = useMemo(
    () => knownAndTold(request.context ?? [], disclosures, calls, lines),
    [request.context, disclosures, calls, lines],
  );
  if (request.context === undefined && known.length === 0) return null;
  return (
    <Section title="What Floyd knew">
      {known.length === 0 ? (
        <p className="text-muted">Nothing that it knows about you was needed.</p>
      ) : (
        <ul className="flex flex-col gap-3">
          {known.map((fact) => (
            <Fact key={fact.key} fact={fact} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Fact({ fact: { text, sharing, told } }: { fact: Known }) {
  return (
    <li>
      <p>{text}</p>
      <div className="mt-0.5 flex flex-col items-start gap-0.5 text-muted text-sm">
        {told.map(({ key, to, at, target }) => (
          <p key={key}>
            <Badge tone="info">told</Badge> to <PhoneNumber phone={to} />,{" "}
            <LineLink target={target}>{at}</LineLink>
          </p>
        ))}
        {told.length === 0 && sharing !== undefined && <p>Not told; {sharingWords[sharing]}.</p>}
      </div>
    </li>
  );
}
