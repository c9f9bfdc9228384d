import { FileDown, Lightbulb } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { Button } from "../ui/Button";
import { Card, Section } from "../ui/Card";
import { Field, Input } from "../ui/Field";
import { SkeletonList } from "../ui/Skeleton";
import { EmptyState } from "../ui/States";
import { AddFact } from "./AddFact";
import { FactRow } from "./FactRow";
import { Offered } from "./Offered";
import { SharingLegend } from "./SharingSelect";
import type { Fact, FactActions, Facts as Known } from "./useFacts";
import { useFactActions } from "./useFacts";

const ImportFacts = lazy(() => import("./importing/ImportFacts"));

/** So many can be looked over without searching. */
const FEW = 8;

export function Facts({ facts }: { facts: Known }) {
  const { kept, offered, rejected } = facts;
  const actions = useFactActions();
  const [wanted, setWanted] = useState("");
  const [importing, setImporting] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  // Not scrolled to: whoever sees stays where they are.
  const toList = () => list.current?.focus({ preventScroll: true });
  const found = (kept ?? []).filter(({ text }) => text.toLowerCase().includes(wanted.trim().toLowerCase()));
  return (
    <div className="flex flex-col gap-5">
      <Offered offered={offered} actions={actions} onDecided={toList} />
      <Card className="flex flex-col gap-4">
        <AddFact />
        <SharingLegend />
      </Card>
      <Section
        title={kept === undefined ? "Facts" : `Facts (${kept.length})`}
        actions={
          <Button size="sm" onClick={() => setImporting(true)}>
            <FileDown aria-hidden />
            Import
          </Button>
        }
      >
        <div ref={list} tabIndex={-1} className="outline-none">
          {kept !== undefined && kept.length > FEW && (
            <Field label="Find a fact" hideLabel>
              {(tied) => (
                <Input
                  {...tied}
                  type="search"
                  placeholder="Find a fact"
                  value={wanted}
                  onChange={(event) => setWanted(event.target.value)}
                />
              )}
            </Field>
          )}
          {kept === undefined ? (
            <SkeletonList />
          ) : kept.length === 0 ? (
            <EmptyState icon={<Lightbulb />} title="Floyd knows nothing about you yet">
              Tell it what people on the phone ask for: names, classes, customer numbers, when you have time.
            </EmptyState>
          ) : found.length === 0 ? (
            <p className="py-4 text-muted">No fact has “{wanted}” in it.</p>
          ) : (
            <ul aria-label="Facts">
              {found.map((fact) => (
                <FactRow key={fact._id} fact={fact} actions={actions} onRemoved={toList} />
              ))}
            </ul>
          )}
        </div>
      </Section>
      <Rejected rejected={rejected} actions={actions} />
      {importing && (
        <Suspense>
          <ImportFacts
            known={[...(kept ?? []), ...offered, ...rejected]}
            onClose={() => setImporting(false)}
          />
        </Suspense>
      )}
    </div>
  );
}

/** What was turned down stays known as such, so that it is not offered again. */
function Rejected({ rejected, actions }: { rejected: Fact[]; actions: FactActions }) {
  if (rejected.length === 0) return null;
  return (
    <details className="text-sm">
      <summary className="w-fit rounded text-muted">
        {rejected.length === 1 ? "1 thing" : `${rejected.length} things`} you turned down
      </summary>
      <ul aria-label="Turned down" className="mt-2 flex flex-col gap-2">
        {rejected.map((fact) => (
          <li key={fact._id} className="flex flex-wrap items-center justify-between gap-2">
            <span className="text-muted line-through">{fact.text}</span>
            <span className="ml-auto flex gap-1">
              <Button size="sm" onClick={() => void actions.accept(fact, fact.sharing)}>
                Keep after all
              </Button>
              <Button size="sm" variant="ghost" onClick={() => void actions.remove(fact)}>
                Delete
              </Button>
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
