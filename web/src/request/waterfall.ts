/** The geometry of the picture of each turn's latency. */
import type { Call, Turn } from "./show";

/** What the wait for Floyd's answer consists of, in the order it is drawn; together they are the whole. */
export const PARTS = [
  { field: "endpointingMs", name: "Endpointing", meaning: "until it was clear that they had finished" },
  { field: "modelMs", name: "Model", meaning: "until the first words of the answer" },
  { field: "speechMs", name: "Speech", meaning: "until those words had a voice" },
  { field: "floydMs", name: "Floyd", meaning: "Floyd's own" },
] as const;

export type PartField = (typeof PARTS)[number]["field"];

/** `x` and `width` are fractions of the picture's width. */
export type Piece = { field: PartField; ms: number; x: number; width: number };

export type Bar = {
  key: string;
  /** `3`, or `2.3` (the third turn of call 2) when several calls had turns. */
  label: string;
  pieces: Piece[];
  /** Absent: nothing of the answer was sent. */
  totalMs: number | undefined;
  interrupted: boolean;
};

export type Waterfall = { bars: Bar[]; ticksMs: number[]; widthMs: number };

/** The four or so round values that a reader can use to judge a bar. */
const STEPS_MS = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
const MAX_TICKS = 5;

export function waterfall(turns: Turn[], calls: Call[]): Waterfall {
  const attempts = new Map(calls.map((call) => [call._id, call.attempt]));
  const attemptOf = (turn: Turn) => attempts.get(turn.callId) ?? 0;
  const sorted = [...turns].sort((a, b) => attemptOf(a) - attemptOf(b) || a.turn - b.turn);
  const several = new Set(turns.map((turn) => turn.callId)).size > 1;
  const longest = Math.max(0, ...sorted.map(lengthOf));
  const step = STEPS_MS.find((ms) => longest / ms <= MAX_TICKS) ?? Math.ceil(longest / MAX_TICKS);
  const widthMs = Math.max(1, Math.ceil(longest / step)) * step;
  const ticksMs = Array.from({ length: Math.round(widthMs / step) + 1 }, (_, i) => i * step);
  const bars = sorted.map((turn): Bar => {
    let at = 0;
    const pieces: Piece[] = [];
    for (const { field } of PARTS) {
      const ms = turn[field] ?? 0;
      if (ms <= 0) continue;
      pieces.push({ field, ms, x: at / widthMs, width: ms / widthMs });
      at += ms;
    }
    return {
      key: turn._id,
      label: several ? `${attemptOf(turn)}.${turn.turn}` : String(turn.turn),
      pieces,
      totalMs: turn.totalMs,
      interrupted: turn.interrupted,
    };
  });
  return { bars, ticksMs, widthMs };
}

function lengthOf(turn: Turn): number {
  const parts = PARTS.reduce((sum, { field }) => sum + (turn[field] ?? 0), 0);
  return Math.max(parts, turn.totalMs ?? 0);
}

/** Half of the answers came within `medianMs`, nineteen of twenty within `p95Ms`; null when there was none. */
export function spread(turns: Turn[]): { medianMs: number; p95Ms: number } | null {
  const totals = turns.flatMap((turn) => (turn.totalMs === undefined ? [] : [turn.totalMs]));
  if (totals.length === 0) return null;
  totals.sort((a, b) => a - b);
  // Nearest rank: the smallest value that at least the given share does not exceed.
  const rank = (share: number) => totals[Math.ceil(share * totals.length) - 1] ?? 0;
  return { medianMs: rank(0.5), p95Ms: rank(0.95) };
}

/** `870 ms`, `1.2 s`. */
export function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return "–";
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
