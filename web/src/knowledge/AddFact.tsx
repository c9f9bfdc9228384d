import { useMutation } from "convex/react";
import { Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "../api";
import { Button } from "../ui/Button";
import { Field, Textarea } from "../ui/Field";
import { useAct } from "../ui/useAct";
import { MAX_FACT_CHARS } from "./importing/factsFromText";
import { SharingSelect } from "./SharingSelect";
import type { Sharing } from "./sharing";

export function AddFact() {
  const [text, setText] = useState("");
  const [sharing, setSharing] = useState<Sharing>("free");
  const add = useMutation(api.facts.add);
  const { run, busy } = useAct(() => add({ text, sharing }));
  async function submit(event?: FormEvent) {
    event?.preventDefault();
    if (text.trim() !== "" && (await run())) setText("");
  }
  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-3">
      <Field label="Tell Floyd something" hint="One thing at a time: “Mara is in class 4B”.">
        {(tied) => (
          <Textarea
            {...tied}
            value={text}
            maxLength={MAX_FACT_CHARS}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
              event.preventDefault();
              void submit();
            }}
          />
        )}
      </Field>
      <div className="flex items-end justify-between gap-3">
        <Field label="May Floyd tell it?" className="min-w-0">
          {(tied) => <SharingSelect {...tied} value={sharing} onChange={setSharing} />}
        </Field>
        <Button type="submit" variant="primary" busy={busy} disabled={text.trim() === ""}>
          <Plus aria-hidden />
          Add
        </Button>
      </div>
    </form>
  );
}
