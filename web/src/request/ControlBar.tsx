import { Speech } from "lucide-react";
import { type Ref, useState } from "react";
import { useListenIn } from "../audio/listen";
import { useSpeak } from "../audio/speak";
import { Asking } from "./Asking";
import { Control } from "./Control";
import { HangUp } from "./HangUp";
import { ListenIn } from "./ListenIn";
import { SoundLine } from "./SoundLine";
import type { Call, Hint, Question } from "./show";
import { TakeOver } from "./TakeOver";
import { Whisper } from "./Whisper";

type ControlBarProps = {
  call: Call;
  /** What is open while they hold the line. */
  questions: Question[];
  hints: Hint[];
  ref: Ref<HTMLElement>;
};

/** What a person can do with a call while it lasts; stays in sight while the transcript is read. */
export function ControlBar({ call, questions, hints, ref }: ControlBarProps) {
  const [whispering, setWhispering] = useState(false);
  const listen = useListenIn(call._id);
  const speak = useSpeak(call._id);
  return (
    <section
      ref={ref}
      aria-label="Call controls"
      className="sticky top-2 bottom-[calc(4.5rem+env(safe-area-inset-bottom))] z-20 rounded-card border border-line bg-surface p-3 md:bottom-4"
    >
      {questions.map((question) => (
        <Asking key={question._id} question={question} className="mb-3 [&_textarea]:min-h-11" />
      ))}
      <SoundLine call={call} listen={listen} speak={speak} />
      {whispering && (
        <div className="mb-3">
          <Whisper callId={call._id} hints={hints.filter((hint) => hint.callId === call._id)} />
        </div>
      )}
      <div className="flex gap-2">
        <ListenIn call={call} listen={listen} speak={speak} />
        <Control
          icon={<Speech aria-hidden />}
          label="Whisper"
          aria-expanded={whispering}
          onClick={() => setWhispering(!whispering)}
        />
        <TakeOver call={call} listen={listen} speak={speak} />
        <HangUp call={call} />
      </div>
    </section>
  );
}
