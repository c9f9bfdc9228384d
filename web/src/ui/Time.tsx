import { clock, dateAndTime, duration, relative } from "./moments";
import { useNow } from "./useNow";

type TimeProps = {
  /** Epoch milliseconds. */
  at: number;
  /** `ago`: "3 min ago", "in 2 h"; `clock`: 14:05:09; `full`: date and time. */
  show?: "ago" | "clock" | "full";
  className?: string;
};

/** A moment, in the reader's own time zone; the exact one is in its title. */
export function Time({ at, show = "ago", className }: TimeProps) {
  const now = useNow();
  const text = show === "ago" ? relative(at, now) : show === "clock" ? clock(at) : dateAndTime(at);
  return (
    <time dateTime={new Date(at).toISOString()} title={dateAndTime(at)} className={className}>
      {text}
    </time>
  );
}

/** A length of time, e.g. 2:07; below a minute 7 s, below a second 320 ms. */
export function Duration({ ms, className }: { ms: number; className?: string }) {
  return <span className={className}>{duration(ms)}</span>;
}
