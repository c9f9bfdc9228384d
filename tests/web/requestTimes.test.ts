/** Clocks, deadlines, moments to choose, and what was used. */
import { describe, expect, it } from "vitest";
import { share } from "../../web/src/request/sharing.ts";
import {
  asLocalInput,
  countdown,
  fromLocalInput,
  laterChoices,
  runningClock,
} from "../../web/src/request/times.ts";
import { dollars, usedBy } from "../../web/src/request/usage.ts";
import { callEnding } from "../../web/src/request/words.ts";
import { call } from "./requestRows.ts";

it.each([
  [-3_000, "0:00"],
  [0, "0:00"],
  [999, "0:00"],
  [65_000, "1:05"],
  [754_000, "12:34"],
  [3_723_000, "1:02:03"],
])("runningClock(%d) is %s", (ms, text) => {
  expect(runningClock(ms)).toBe(text);
});

describe("countdown", () => {
  const now = 1_800_000_000_000;
  it.each([
    [-1, "Time is up", "over"],
    [0, "Time is up", "over"],
    [1, "0:01 left", "soon"],
    [20_000, "0:20 left", "soon"],
    [20_001, "0:21 left", "calm"],
    [90_000, "1:30 left", "calm"],
  ])("%d ms before the deadline", (left, text, urgency) => {
    expect(countdown(now + left, now)).toEqual({ text, urgency });
  });

  it("says until when, if there is time", () => {
    expect(countdown(now + 5 * 3_600_000, now)).toMatchObject({ urgency: "calm" });
    expect(countdown(now + 5 * 3_600_000, now).text).toMatch(/^until /);
  });
});

describe("moments to choose", () => {
  it("are ahead, in order, and the morning is tomorrow's", () => {
    const night = new Date(2026, 10, 21, 23, 50).getTime();
    const choices = laterChoices(night);
    expect(choices.map(({ label }) => label)).toEqual(["In 15 minutes", "In an hour", "Tomorrow at 9"]);
    expect(choices.every(({ at }) => at > night)).toBe(true);
    expect(new Date(choices[2]?.at ?? 0)).toEqual(new Date(2026, 10, 22, 9, 0));
  });

  it("go through the input and back, to the minute", () => {
    const at = new Date(2026, 2, 5, 8, 7).getTime();
    expect(asLocalInput(at)).toBe("2026-03-05T08:07");
    expect(fromLocalInput(asLocalInput(at))).toBe(at);
  });

  it.each(["", "2026-03", "yesterday"])("an incomplete input is none: %j", (value) => {
    expect(fromLocalInput(value)).toBeNull();
  });
});

describe("usage", () => {
  const usage = {
    promptTokens: 1_200,
    completionTokens: 80,
    speechChars: 640,
    recognisedSeconds: 31.25,
    seconds: 75,
  };

  it("is unknown until a call says", () => {
    expect(usedBy([call(1)])).toBeNull();
  });

  it("is that of all calls, in units", () => {
    const used = usedBy([call(1, { usage }), call(2, { usage }), call(3)], "en-US");
    expect(used?.usd).toBeUndefined();
    expect(used?.units.map(({ amount }) => amount)).toEqual(["150 s", "63 s", "1,280", "2,400", "160"]);
  });

  it("costs what has a price", () => {
    const cost = { usd: 0.0324, parts: { seconds: 0.03, promptTokens: 0.0024 } };
    const used = usedBy([call(1, { usage, cost }), call(2, { usage })]);
    expect(used?.usd).toBeCloseTo(0.0324, 10);
    expect(used?.units.filter(({ usd }) => usd !== undefined).map(({ unit }) => unit)).toEqual([
      "seconds",
      "promptTokens",
    ]);
  });

  it.each([
    [0, "$0.00"],
    [0.0324, "$0.0324"],
    [1.5, "$1.50"],
  ])("%d is %s", (usd, text) => {
    expect(dollars(usd)).toBe(text);
  });
});

describe("sharing", () => {
  const before = {
    rows: [
      { _id: "a", text: "one" },
      { _id: "b", text: "two", at: { lines: [1, 2] } },
    ],
    status: "x",
  };

  it("gives back the very object when nothing has changed", () => {
    expect(share(before, structuredClone(before))).toBe(before);
  });

  it("keeps the rows that have not changed, wherever they are now", () => {
    const next = structuredClone(before);
    next.rows.unshift({ _id: "c", text: "none" });
    const shared = share(before, next);
    expect(shared).toEqual(next);
    expect(shared.rows[1]).toBe(before.rows[0]);
    expect(shared.rows[2]).toBe(before.rows[1]);
  });

  it.each([
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: 1 }, { a: 1, b: undefined }],
    [[1, 2], [1]],
    [{ a: [] }, { a: {} }],
    [null, { a: 1 }],
    [undefined, [1]],
  ])("never hides a difference: %j, then %j", (old, next) => {
    expect(share<unknown>(old, next)).toEqual(next);
    expect(share<unknown>(old, next)).not.toBe(old);
  });
});

it.each([
  [undefined, "ended"],
  ["calleeHungUp", "they hung up"],
  ["The line was cut by the carrier.", "The line was cut by the carrier."],
  ["constructor", "constructor"],
])("callEnding(%j) is %j", (reason, words) => {
  expect(callEnding(reason)).toBe(words);
});
