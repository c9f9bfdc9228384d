import { useMutation } from "convex/react";
import { Send } from "lucide-react";
import type { FormEvent, KeyboardEvent } from "react";
import { api } from "../api";
import { Button } from "../ui/Button";
import { Field, Textarea } from "../ui/Field";
import { useAct } from "../ui/useAct";
import { isYesOrNo, type Question } from "./asked";

/** As the functions take it. */
const MAX_CHARS = 2_000;

type Props = {
  question: Pick<Question, "_id" | "text">;
  draft: string;
  onDraft: (text: string) => void;
  /** The question is gone from the live query before `onDone` is called. */
  onSend: () => void;
  onDone: (answered: boolean) => void;
};

/** An answer, typed or chosen. */
export function AnswerForm({ question, draft, onDraft, onSend, onDone }: Props) {
  const answer = useMutation(api.questions.answer);
  const { run, busy } = useAct((text: string) => answer({ id: question._id, text }));
  async function send(text: string) {
    if (busy || text.trim() === "") return;
    onSend();
    onDone(await run(text));
  }
  return (
    <form
      className="flex flex-col gap-2"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void send(draft);
      }}
    >
      <Field label="Your answer" hideLabel>
        {(tied) => (
          <Textarea
            {...tied}
            value={draft}
            maxLength={MAX_CHARS}
            placeholder="Your answer"
            enterKeyHint="send"
            onChange={(event) => onDraft(event.target.value)}
            onKeyDown={(event: KeyboardEvent) => {
              if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
              event.preventDefault();
              void send(draft);
            }}
          />
        )}
      </Field>
      <div className="flex flex-wrap items-center gap-2">
        {isYesOrNo(question.text) &&
          ["Yes", "No"].map((word) => (
            <Button key={word} disabled={busy} onClick={() => void send(word)}>
              {word}
            </Button>
          ))}
        <Button
          type="submit"
          variant="primary"
          busy={busy}
          disabled={draft.trim() === ""}
          className="ml-auto"
        >
          <Send aria-hidden />
          Answer
        </Button>
      </div>
    </form>
  );
}
