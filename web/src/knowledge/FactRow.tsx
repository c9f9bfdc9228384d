import { Pencil, Trash2 } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { Button, IconButton } from "../ui/Button";
import { Textarea } from "../ui/Field";
import { Time } from "../ui/Time";
import { Evidence, sourceOf } from "./Evidence";
import { MAX_FACT_CHARS } from "./importing/factsFromText";
import { SharingSelect } from "./SharingSelect";
import { meaningOf } from "./sharing";
import type { Fact, FactActions } from "./useFacts";

type Props = { fact: Fact; actions: FactActions; onRemoved: () => void };

/** One thing that Floyd knows. It is edited where it stands. */
export function FactRow({ fact, actions, onRemoved }: Props) {
  const [draft, setDraft] = useState<string | null>(null);
  const id = useId();
  const edit = useRef<HTMLButtonElement>(null);
  const editing = draft !== null;
  const wasEditing = useRef(false);
  // Back to where the editing began.
  useEffect(() => {
    if (wasEditing.current && !editing) edit.current?.focus();
    wasEditing.current = editing;
  }, [editing]);

  async function save() {
    if (draft === null || draft.trim() === "") return;
    if (draft.trim() === fact.text || (await actions.save(fact, { text: draft }))) setDraft(null);
  }

  return (
    <li
      aria-labelledby={id}
      className="flex flex-col gap-2 border-line border-b py-3 [contain-intrinsic-size:auto_112px] [content-visibility:auto] last:border-0"
    >
      {editing ? (
        <form
          className="flex flex-col gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <Textarea
            autoFocus
            aria-label="Fact"
            value={draft}
            maxLength={MAX_FACT_CHARS}
            onChange={(event) => setDraft(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") setDraft(null);
              if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
              event.preventDefault();
              void save();
            }}
          />
          <div className="flex gap-2">
            <Button type="submit" size="sm" variant="primary" disabled={draft.trim() === ""}>
              Save
            </Button>
            <Button size="sm" variant="ghost" onClick={() => setDraft(null)}>
              Cancel
            </Button>
          </div>
        </form>
      ) : (
        <p id={id} className="whitespace-pre-wrap">
          {fact.text}
        </p>
      )}
      <div className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1">
        <p className="text-muted text-sm">
          {sourceOf(fact)}, <Time at={fact._creationTime} />
        </p>
        <div className="ml-auto flex items-center gap-1">
          <SharingSelect
            aria-label="May Floyd tell it?"
            title={meaningOf(fact.sharing)}
            value={fact.sharing}
            onChange={(sharing) => void actions.save(fact, { sharing })}
            className="h-10"
          />
          <IconButton ref={edit} label="Edit" disabled={editing} onClick={() => setDraft(fact.text)}>
            <Pencil aria-hidden />
          </IconButton>
          <IconButton
            label="Delete"
            onClick={async () => {
              if (await actions.remove(fact)) onRemoved();
            }}
          >
            <Trash2 aria-hidden />
          </IconButton>
        </div>
      </div>
      <Evidence fact={fact} />
    </li>
  );
}
