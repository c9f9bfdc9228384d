/** Times of one thing done many times. */
export type Times = { n: number; p50: number; p95: number; p99: number; cpuMs: number | null };

export function times(samples: number[], cpu: number | null = null): Times {
  const ordered = [...samples].sort((a, b) => a - b);
  const at = (share: number) =>
    round(ordered[Math.max(0, Math.ceil(share * ordered.length) - 1)] ?? Number.NaN);
  return { n: ordered.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), cpuMs: cpu };
}

/** Three digits after the point: the resolution of what is measured here. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
