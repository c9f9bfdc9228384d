import { Check } from "lucide-react";
import { cn } from "../ui/cn";
import { LiveRegion } from "../ui/LiveRegion";
import { useNow } from "../ui/useNow";
import { progressOf, type Step, type StepState } from "./progress";
import type { Call, Request } from "./show";
import { runningClock } from "./times";
import { useSeconds } from "./useSeconds";

const said: Record<StepState, string> = {
  done: "done",
  now: "now",
  ahead: "not yet",
  stopped: "stopped here",
};

/** How far the request is, as a line of steps and as a sentence, with a clock while they talk. */
export function ProgressLine({ request, calls }: { request: Request; calls: Call[] }) {
  const now = useNow();
  const { steps, sentence, talkingSince } = progressOf(request, calls, now);
  return (
    <section aria-label="Progress" className="rounded-card border border-line bg-surface p-4 sm:p-5">
      <ol className="flex gap-1.5">
        {steps.map((step) => (
          <StepMark key={step.name} step={step} />
        ))}
      </ol>
      <div className="mt-3 flex items-baseline justify-between gap-3">
        {/* The clock is outside: it would be read out every second. */}
        <LiveRegion visible className="font-medium">
          {sentence}
        </LiveRegion>
        {talkingSince !== undefined && <TalkingClock since={talkingSince} />}
      </div>
    </section>
  );
}

function StepMark({ step: { name, state } }: { step: Step }) {
  return (
    <li
      aria-current={state === "now" ? "step" : undefined}
      className={cn(
        "min-w-0 flex-1 text-xs leading-5",
        state === "now" ? "font-medium text-ink" : "text-muted",
      )}
    >
      <span
        aria-hidden
        className={cn(
          "mb-1.5 block h-1.5 rounded-full",
          state === "done" && "bg-accent",
          state === "now" && "animate-breathe bg-accent",
          state === "stopped" && "bg-line-strong",
          state === "ahead" && "bg-line",
        )}
      />
      <span className="flex items-center gap-1">
        {state === "done" && (
          <Check aria-hidden className="size-3.5 shrink-0 text-accent-ink max-sm:hidden" />
        )}
        <span className="truncate">{name}</span>
      </span>
      <span className="sr-only">: {said[state]}</span>
    </li>
  );
}

function TalkingClock({ since }: { since: number }) {
  const now = useSeconds();
  return (
    <span role="timer" aria-label="Time on the line" className="tabular-nums text-accent-ink">
      {runningClock(now - since)}
    </span>
  );
}
