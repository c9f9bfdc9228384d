import { Section } from "../ui/Card";
import { PhoneNumber } from "../ui/PhoneNumber";
import type { Request } from "./show";
import { numberSources } from "./words";

/** The number, and where it came from. */
export function WhomCalled({ request: { number, toNumber } }: { request: Request }) {
  const phone = number?.phone ?? toNumber;
  if (phone === undefined) return null;
  return (
    <Section title="Number">
      {number?.name !== undefined && <p className="font-medium">{number.name}</p>}
      <p>
        <PhoneNumber phone={phone} />
        <span className="text-muted"> · {numberSources[number?.source ?? "request"]}</span>
      </p>
    </Section>
  );
}
