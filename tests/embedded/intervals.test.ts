/** The index of read ranges finds exactly the ranges that hold a key. */
import { expect, it } from "vitest";
import { type Handle, IntervalSet } from "../../embedded/live/intervals.ts";
import { Random } from "./random.ts";

it("agrees with looking at every range, while ranges come and go", () => {
  const random = new Random(7);
  const key = () => Array.from({ length: 1 + random.below(3) }, () => "abcd"[random.below(4)]).join("");
  const set = new IntervalSet<number>();
  const kept: { lo: string; hi: string; value: number; handle: Handle<number> }[] = [];
  for (let value = 0; value < 2_000; value++) {
    if (random.below(3) > 0 || kept.length === 0) {
      const [lo = "", hi = ""] = [key(), key()].sort();
      kept.push({ lo, hi, value, handle: set.add(lo, hi, value) });
    } else {
      const [gone] = kept.splice(random.below(kept.length), 1);
      if (gone) set.remove(gone.handle);
    }
    expect(set.size).toBe(kept.length);
    const probe = key();
    const found: number[] = [];
    set.stab(probe, (hit) => found.push(hit));
    const expected = kept.filter(({ lo, hi }) => lo <= probe && probe < hi).map((range) => range.value);
    expect(found.sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
  }
});

it("finds one of many thousand ranges without looking at the others", () => {
  const set = new IntervalSet<number>();
  const name = (i: number) => `k${String(i).padStart(6, "0")}`;
  for (let i = 0; i < 50_000; i++) set.add(name(i), `${name(i)}\u00ff`, i);
  const began = performance.now();
  let hits = 0;
  for (let i = 0; i < 10_000; i++) set.stab(name(i * 5), () => hits++);
  expect(hits).toBe(10_000);
  // Looking at all would be 500 million comparisons, seconds even on a fast machine.
  expect(performance.now() - began).toBeLessThan(1_000);
});
