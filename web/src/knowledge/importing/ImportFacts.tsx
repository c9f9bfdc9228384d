import { useMutation } from "convex/react";
import { useMemo, useState } from "react";
import { api } from "../../api";
import { Button } from "../../ui/Button";
import { Dialog, DialogButtons } from "../../ui/Dialog";
import { Field, Textarea } from "../../ui/Field";
import { toast } from "../../ui/toast";
import { useAct } from "../../ui/useAct";
import { SharingSelect } from "../SharingSelect";
import { meaningOf, type Sharing } from "../sharing";
import type { Fact } from "../useFacts";
import { batches } from "./batches";
import { decodeText } from "./decodeText";
import { FilePicker } from "./FilePicker";
import { factsFromText, MAX_FACTS, MAX_FACTS_AT_ONCE, MAX_FACTS_BYTES } from "./factsFromText";
import { Skipped } from "./Skipped";

type Props = {
  /** All there are, whatever their status. */
  known: Fact[];
  onClose: () => void;
};

/** Lines of text, pasted or from a file, one fact each. */
export default function ImportFacts({ known, onClose }: Props) {
  const [text, setText] = useState("");
  const [sharing, setSharing] = useState<Sharing>("free");
  const [wrong, setWrong] = useState<string | null>(null);
  const addMany = useMutation(api.facts.addMany);
  const found = useMemo(() => {
    const accepted = known.filter(({ status }) => status === "accepted");
    return factsFromText(text, new Set(accepted.map((fact) => fact.text)), MAX_FACTS - known.length);
  }, [text, known]);
  const { run, busy } = useAct(async () => {
    const facts = found.facts.map((fact) => ({ text: fact.text, sharing }));
    for (const piece of batches(facts, MAX_FACTS_AT_ONCE)) await addMany({ facts: piece });
    toast.say(facts.length === 1 ? "1 fact added." : `${facts.length} facts added.`);
    onClose();
  });

  async function read(file: File) {
    const bytes = file.size > MAX_FACTS_BYTES ? null : new Uint8Array(await file.arrayBuffer());
    const content = bytes && decodeText(bytes);
    if (content === null) setWrong(`This file is larger than ${MAX_FACTS_BYTES / 1024 / 1024} MB.`);
    else if (content.includes("\0")) setWrong("This is no text file. Save it as text, with one fact a line.");
    else {
      setWrong(null);
      setText(content);
    }
  }

  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title="Import facts"
      description="One fact a line. Empty lines and lines that begin with # are passed over."
    >
      <div className="flex flex-col gap-4">
        <FilePicker
          label="Choose a text file"
          hint="or paste the lines below"
          accept=".txt,.md,text/plain"
          onPick={(file) => void read(file)}
        />
        <Field label="Facts, one a line" error={wrong}>
          {(tied) => (
            <Textarea {...tied} rows={5} value={text} onChange={(event) => setText(event.target.value)} />
          )}
        </Field>
        <Field label="May Floyd tell them?" hint={meaningOf(sharing)}>
          {(tied) => <SharingSelect {...tied} value={sharing} onChange={setSharing} className="w-full" />}
        </Field>
        {found.facts.length > 0 && (
          <div>
            <h3 className="mb-2 font-medium">
              {found.facts.length === 1 ? "1 fact is added" : `${found.facts.length} facts are added`}
            </h3>
            <ul
              aria-label="To be added"
              className="max-h-52 overflow-y-auto rounded-card border border-line px-3 py-1"
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard must be able to scroll it
              tabIndex={0}
            >
              {found.facts.map((fact) => (
                <li key={fact.row} className="border-line border-b py-1.5 last:border-0">
                  {fact.text}
                </li>
              ))}
            </ul>
          </div>
        )}
        <Skipped entries={found.skipped} place="line" />
      </div>
      <DialogButtons>
        <Button onClick={onClose}>Cancel</Button>
        <Button variant="primary" busy={busy} disabled={found.facts.length === 0} onClick={() => void run()}>
          {found.facts.length === 1 ? "Add 1 fact" : `Add ${found.facts.length} facts`}
        </Button>
      </DialogButtons>
    </Dialog>
  );
}
