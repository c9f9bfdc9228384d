import { countdown } from "../request/times";
import { useSeconds } from "../request/useSeconds";
import { Badge, type Tone } from "../ui/Badge";

const TONES: Record<ReturnType<typeof countdown>["urgency"], Tone> = {
  calm: "accent",
  soon: "danger",
  over: "neutral",
};

/** How long somebody still waits. Not read out each second: it can be asked for. */
export function Countdown({ deadline }: { deadline: number }) {
  const { text, urgency } = countdown(deadline, useSeconds());
  return (
    <Badge tone={TONES[urgency]} role="timer" aria-label="Time to answer" className="tabular-nums">
      {text}
    </Badge>
  );
}
