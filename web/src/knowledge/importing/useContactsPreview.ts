import { useQueries } from "convex/react";
import { useMemo } from "react";
import { api } from "../../api";
import { batches } from "./batches";
import type { FoundContact, SkippedEntry } from "./found";

/** A contact that can be added, with its number in E.164. */
export type Addable = { contact: FoundContact; phone: string };
export type Preview = { addable: Addable[]; skipped: SkippedEntry[] };

type Row = { phone: string } | { reason: string };

/** What the deployment would take of these, live; undefined while it looks. Throws what it throws. */
export function useContactsPreview(contacts: readonly FoundContact[], country: string): Preview | undefined {
  const pieces = useMemo(() => batches(contacts), [contacts]);
  const queries = useMemo(
    () =>
      Object.fromEntries(
        pieces.map((piece, at) => [
          String(at),
          { query: api.contacts.preview, args: { contacts: piece.map(written), ...inCountry(country) } },
        ]),
      ),
    [pieces, country],
  );
  const answers = useQueries(queries) as Record<string, Row[] | Error | undefined>;
  return useMemo(() => {
    const preview: Preview = { addable: [], skipped: [] };
    for (const [at, piece] of pieces.entries()) {
      const rows = answers[String(at)];
      if (rows instanceof Error) throw rows;
      if (rows === undefined) return undefined;
      for (const [place, contact] of piece.entries()) {
        const verdict = rows[place];
        if (verdict === undefined) continue;
        if ("phone" in verdict) preview.addable.push({ contact, phone: verdict.phone });
        else preview.skipped.push(leftOut(contact, verdict.reason));
      }
    }
    return preview;
  }, [pieces, answers]);
}

export function leftOut(contact: FoundContact, reason: string): SkippedEntry {
  return { row: contact.row, who: `${contact.name}, ${contact.phone}`, reason };
}

export function inCountry(country: string): { country?: string } {
  return country === "" ? {} : { country };
}

/** As the functions take it. */
export function written({ name, phone, aliases, notes }: FoundContact) {
  return { name, phone, aliases, ...(notes === undefined ? {} : { notes }) };
}
