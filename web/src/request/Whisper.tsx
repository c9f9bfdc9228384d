import { useMutation } from "convex/react";
import { Check, Clock, SendHorizontal } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api, type Id } from "../api";
import { Button } from "../ui/Button";
import { Field, Input } from "../ui/Field";
import { clock } from "../ui/moments";
import { useAct } from "../ui/useAct";
import type { Hint } from "./show";

/** As the functions have it: a hint is read between two sentences. */
const MAX_HINT_CHARS = 500;
/** Older ones are in the model's memory, and need not be on a small screen. */
const HINTS_SHOWN = 3;

/** A word in Floyd's ear: it takes it into account the next time it speaks. The other side hears nothing of it. */
export function Whisper({ callId, hints }: { callId: Id<"calls">; hints: Hint[] }) {
  const [text, setText] = useState("");
  const hint = useMutation(api.calls.hint);
  const send = useAct(() => hint({ callId, text }));
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (await send.run()) setText("");
  }
  return (
    <div className="flex flex-col gap-2">
      {hints.length > 0 && (
        <ul aria-label="What you whispered" aria-live="polite" className="flex flex-col gap-1 text-sm">
          {hints.slice(-HINTS_SHOWN).map((one) => (
            <Whispered key={one._id} hint={one} />
          ))}
        </ul>
      )}
      <form onSubmit={(event) => void submit(event)} className="flex gap-2">
        <Field label="Whisper to Floyd" hideLabel className="min-w-0 flex-1">
          {(tied) => (
            <Input
              {...tied}
              value={text}
              maxLength={MAX_HINT_CHARS}
              placeholder="Whisper to Floyd; they don't hear it"
              autoComplete="off"
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
        <Button
          type="submit"
          variant="primary"
          size="icon"
          aria-label="Send whisper"
          busy={send.busy}
          disabled={text.trim() === ""}
        >
          {!send.busy && <SendHorizontal aria-hidden />}
        </Button>
      </form>
    </div>
  );
}

function Whispered({ hint: { text, takenAt } }: { hint: Hint }) {
  return (
    <li className="flex items-baseline justify-between gap-3">
      <span className="min-w-0 truncate">{text}</span>
      {takenAt === undefined ? (
        <span className="inline-flex shrink-0 items-center gap-1 text-muted">
          <Clock aria-hidden className="size-3.5" /> waiting
        </span>
      ) : (
        <span className="inline-flex shrink-0 items-center gap-1 text-good-ink">
          <Check aria-hidden className="size-3.5" /> heard at {clock(takenAt)}
        </span>
      )}
    </li>
  );
}
