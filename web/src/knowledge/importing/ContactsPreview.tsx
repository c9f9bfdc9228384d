import { useMutation, useQuery } from "convex/react";
import { useMemo, useState } from "react";
import { api } from "../../api";
import { Button } from "../../ui/Button";
import { DialogButtons } from "../../ui/Dialog";
import { Field, Input, Select } from "../../ui/Field";
import { LiveRegion } from "../../ui/LiveRegion";
import { PhoneNumber } from "../../ui/PhoneNumber";
import { Skeleton } from "../../ui/Skeleton";
import { toast } from "../../ui/toast";
import { useAct } from "../../ui/useAct";
import { matches } from "../matches";
import { batches } from "./batches";
import { likely, named } from "./countries";
import type { Found, FoundContact, SkippedEntry } from "./found";
import { Skipped } from "./Skipped";
import { type Addable, inCountry, leftOut, useContactsPreview, written } from "./useContactsPreview";

type Props = { found: Found; onBack: () => void; onClose: () => void };

/** What was found in a file: what will be added, what is left out and why, and the choice. */
export function ContactsPreview({ found, onBack, onClose }: Props) {
  const countries = useQuery(api.contacts.countries, {});
  const [chosen, setChosen] = useState<string | null>(null);
  const country = chosen ?? (countries ? likely(countries.own, navigator.languages, countries.all) : "");
  const preview = useContactsPreview(countries === undefined ? NONE : found.contacts, country);
  const [left, setLeft] = useState<ReadonlySet<FoundContact>>(new Set());
  const importMany = useMutation(api.contacts.importMany);
  const { run, busy } = useAct(async (contacts: FoundContact[]) => {
    const refused: SkippedEntry[] = [];
    let added = 0;
    for (const piece of batches(contacts)) {
      const result = await importMany({ contacts: piece.map(written), ...inCountry(country) });
      added += result.added;
      for (const { row, reason } of result.skipped) {
        const contact = piece[row];
        if (contact !== undefined) refused.push(leftOut(contact, reason));
      }
    }
    // What was refused is still in the preview, with the reason: it is live.
    toast.say(added === 1 ? "1 contact added." : `${added.toLocaleString()} contacts added.`);
    if (refused.length === 0) onClose();
  });
  const skipped = [...(preview?.skipped ?? []), ...found.skipped].toSorted((a, b) => a.row - b.row);
  const wanted = preview?.addable.filter(({ contact }) => !left.has(contact)) ?? [];
  return (
    <>
      <LiveRegion>
        {preview && `${preview.addable.length} can be added, ${skipped.length} are left out.`}
      </LiveRegion>
      <Field
        label="Numbers without a country code are from"
        hint="“0171 …” or “(415) …” says nothing of the country."
      >
        {(tied) => (
          <Select {...tied} value={country} onChange={(event) => setChosen(event.target.value)}>
            <option value="">Leave them out</option>
            {named(countries?.all ?? [], navigator.languages).map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {preview === undefined || countries === undefined ? (
        <div role="status" aria-label="Looking at the numbers">
          <Skeleton className="h-40" />
        </div>
      ) : (
        <>
          <Choice addable={preview.addable} left={left} onLeft={setLeft} />
          <Skipped entries={skipped} place="row" />
        </>
      )}
      <DialogButtons>
        <Button onClick={onBack}>Another file</Button>
        <Button
          variant="primary"
          busy={busy}
          disabled={wanted.length === 0}
          onClick={() => void run(wanted.map(({ contact }) => contact))}
        >
          {wanted.length === 1 ? "Add 1 contact" : `Add ${wanted.length.toLocaleString()} contacts`}
        </Button>
      </DialogButtons>
    </>
  );
}

const NONE: readonly FoundContact[] = [];

type ChoiceProps = {
  addable: Addable[];
  left: ReadonlySet<FoundContact>;
  onLeft: (left: ReadonlySet<FoundContact>) => void;
};

function Choice({ addable, left, onLeft }: ChoiceProps) {
  const [wanted, setWanted] = useState("");
  const shown = useMemo(
    () => addable.filter(({ contact, phone }) => matches({ ...contact, phone }, wanted)),
    [addable, wanted],
  );
  if (addable.length === 0) return <p className="font-medium">There is nothing to add.</p>;
  const all = shown.every(({ contact }) => !left.has(contact));
  const toggle = (contacts: FoundContact[], take: boolean) => {
    const next = new Set(left);
    for (const contact of contacts) {
      if (take) next.delete(contact);
      else next.add(contact);
    }
    onLeft(next);
  };
  return (
    <fieldset className="min-w-0">
      <legend className="mb-2 font-medium">
        {addable.length === 1
          ? "1 contact can be added"
          : `${addable.length.toLocaleString()} contacts can be added`}
      </legend>
      <div className="mb-2 flex flex-wrap items-center gap-3">
        <Input
          type="search"
          aria-label="Find among them"
          placeholder="Find"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          className="min-w-0 flex-1"
        />
        <label className="flex min-h-11 items-center gap-2">
          <input
            type="checkbox"
            checked={all}
            onChange={(event) =>
              toggle(
                shown.map(({ contact }) => contact),
                event.target.checked,
              )
            }
            className="size-5 accent-accent"
          />
          All
        </label>
      </div>
      <ul
        aria-label="To be added"
        className="max-h-64 overflow-y-auto rounded-card border border-line"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard must be able to scroll it
        tabIndex={0}
      >
        {shown.map(({ contact, phone }) => (
          <li
            key={`${contact.row} ${contact.name} ${contact.phone}`}
            className="border-line border-b [contain-intrinsic-size:auto_60px] [content-visibility:auto] last:border-0"
          >
            <label className="flex items-start gap-3 px-3 py-2.5 hover:bg-subtle">
              <input
                type="checkbox"
                checked={!left.has(contact)}
                onChange={(event) => toggle([contact], event.target.checked)}
                className="mt-0.5 size-5 shrink-0 accent-accent"
              />
              <span className="flex min-w-0 flex-1 flex-wrap justify-between gap-x-4">
                <span className="font-medium">{contact.name}</span>
                <PhoneNumber phone={phone} className="text-muted" />
              </span>
            </label>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}
