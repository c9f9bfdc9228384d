/** Repeatable random test data. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  /** An integer from 0 to below the limit. */
  below(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

const SCALARS = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  0.5,
  -1e300,
  1e-300,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
  0n,
  1n,
  -1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  "",
  "a",
  "a\u0000",
  "a\u0000b",
  "ab",
  "é",
  "\uffff",
  "😀",
  new Uint8Array([]).buffer,
  new Uint8Array([0]).buffer,
  new Uint8Array([0, 255]).buffer,
  new Uint8Array([255]).buffer,
] as const;
type Value = (typeof SCALARS)[number] | Value[] | { [key: string]: Value };

/** Any Convex value; the corners are frequent. */
export function anyValue(random: Random, depth = 2): Value {
  const kind = depth === 0 ? 0 : random.below(4);
  if (kind < 2) return random.pick(SCALARS);
  const size = random.below(3);
  if (kind === 2) return Array.from({ length: size }, () => anyValue(random, depth - 1));
  const keys = ["a", "b", "ab", "A"].slice(random.below(3)).slice(0, size);
  return Object.fromEntries(keys.map((key) => [key, anyValue(random, depth - 1)]));
}
