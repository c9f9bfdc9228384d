import { useMutation } from "convex/react";
import { PhoneCall } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "../api";
import { Button } from "../ui/Button";
import { cn } from "../ui/cn";
import { Field, Textarea } from "../ui/Field";
import { dateAndTime } from "../ui/moments";
import { useAct } from "../ui/useAct";
import type { Question } from "./show";
import { countdown } from "./times";
import { useSeconds } from "./useSeconds";

/** What Floyd asks its owner and waits for, with the time that is left. */
export function Asking({ question }: { question: Question }) {
  const [text, setText] = useState("");
  const send = useMutation(api.questions.answer);
  const answer = useAct(() => send({ id: question._id, text }));
  const holding = question.callId !== undefined;
  function submit(event: FormEvent) {
    event.preventDefault();
    void answer.run();
  }
  return (
    <section
      aria-label="Floyd asks you"
      className="rounded-card border border-warn-ink/40 bg-warn-soft p-4 text-warn-ink sm:p-5"
    >
      <div className="mb-1 flex flex-wrap items-center justify-between gap-x-3 text-sm">
        <p className="flex items-center gap-2 font-medium">
          {holding && <PhoneCall aria-hidden className="size-4" />}
          {holding ? "Floyd asks you, while they hold the line" : "Floyd asks you"}
        </p>
        <Remaining deadline={question.deadline} />
      </div>
      {/* Read out at once when it appears: somebody is waiting. */}
      <p role="alert" className="font-semibold text-ink text-lg">
        {question.text}
      </p>
      <form onSubmit={submit} className="mt-3 flex flex-col gap-2 sm:flex-row sm:items-end">
        <Field label="Your answer" hideLabel className="flex-1">
          {(tied) => (
            <Textarea
              {...tied}
              value={text}
              placeholder="Your answer"
              rows={1}
              className="min-h-11"
              onChange={(event) => setText(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
              }}
            />
          )}
        </Field>
        <Button variant="primary" type="submit" busy={answer.busy} disabled={text.trim() === ""}>
          Answer
        </Button>
      </form>
    </section>
  );
}

function Remaining({ deadline }: { deadline: number }) {
  const { text, urgency } = countdown(deadline, useSeconds());
  return (
    <span
      role="timer"
      aria-label="Time to answer"
      title={dateAndTime(deadline)}
      className={cn("tabular-nums", urgency !== "calm" && "font-semibold text-danger-ink")}
    >
      {text}
    </span>
  );
}
