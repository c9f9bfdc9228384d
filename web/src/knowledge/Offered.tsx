import { useId, useRef, useState } from "react";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Section } from "../ui/Card";
import { Evidence } from "./Evidence";
import { SharingSelect } from "./SharingSelect";
import { meaningOf } from "./sharing";
import type { Fact, FactActions } from "./useFacts";

type Props = { offered: Fact[]; actions: FactActions; onDecided: () => void };

/** What Floyd learnt. It is not used before the person has said that it is right. */
export function Offered({ offered, actions, onDecided }: Props) {
  const section = useRef<HTMLElement>(null);
  // The focus goes to what is left to decide, or on to the facts.
  const decided = () => {
    if (offered.length > 1) section.current?.focus({ preventScroll: true });
    else onDecided();
  };
  if (offered.length === 0) return null;
  return (
    <Section
      ref={section}
      tabIndex={-1}
      title="Is this right?"
      actions={<Badge tone="warn">{offered.length} new</Badge>}
      aria-label="Learnt by Floyd"
      className="border-warn-ink/40 outline-none"
    >
      <p className="text-muted text-sm">Floyd learnt this for you, and uses it only if you keep it.</p>
      <ul aria-label="To decide">
        {offered.map((fact) => (
          <Offer key={fact._id} fact={fact} actions={actions} onDecided={decided} />
        ))}
      </ul>
    </Section>
  );
}

function Offer({ fact, actions, onDecided }: Omit<Props, "offered"> & { fact: Fact }) {
  const [sharing, setSharing] = useState(fact.sharing);
  const id = useId();
  const decide = async (decision: Promise<boolean>) => {
    if (await decision) onDecided();
  };
  return (
    <li
      aria-labelledby={id}
      className="flex flex-col gap-2 border-line border-b py-3 last:border-0 last:pb-0"
    >
      <p id={id} className="font-medium">
        {fact.text}
      </p>
      <Evidence fact={fact} />
      <div className="flex flex-wrap items-center gap-2">
        <SharingSelect aria-label="May Floyd tell it?" value={sharing} onChange={setSharing} />
        <Button variant="primary" onClick={() => void decide(actions.accept(fact, sharing))}>
          Keep
        </Button>
        <Button variant="ghost" onClick={() => void decide(actions.reject(fact))}>
          Discard
        </Button>
      </div>
      <p className="text-muted text-sm">{meaningOf(sharing)}</p>
    </li>
  );
}
