import { PhoneCall } from "lucide-react";
import { useState } from "react";
import { AnswerForm } from "../questions/AnswerForm";
import { Countdown } from "../questions/Countdown";
import { cn } from "../ui/cn";
import type { Question } from "./show";

const nothing = () => undefined;

/** What Floyd asks its owner and waits for, with the time that is left. */
export function Asking({ question, className }: { question: Question; className?: string }) {
  const [draft, setDraft] = useState("");
  const holding = question.callId !== undefined;
  return (
    <section
      aria-label="Floyd asks you"
      className={cn("flex flex-col gap-2 rounded-card border-2 border-warn-ink bg-surface p-4", className)}
    >
      <div className="flex flex-wrap items-center justify-between gap-x-3 text-warn-ink">
        <p className="flex items-center gap-2 font-medium text-sm">
          {holding && <PhoneCall aria-hidden className="size-4" />}
          {holding ? "Floyd asks, they wait" : "Floyd asks you"}
        </p>
        <Countdown deadline={question.deadline} />
      </div>
      {/* Read out at once when it appears: somebody is waiting. */}
      <p role="alert" className="whitespace-pre-wrap font-semibold text-lg leading-7">
        {question.text}
      </p>
      {/* An answered question is gone from the page: there is nothing to tidy up. */}
      <AnswerForm question={question} draft={draft} onDraft={setDraft} onSend={nothing} onDone={nothing} />
    </section>
  );
}
