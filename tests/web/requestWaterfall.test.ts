/** The picture of the turns' latency: what is drawn where. */
import { describe, expect, it } from "vitest";
import { milliseconds, spread, waterfall } from "../../web/src/request/waterfall.ts";
import { call, callId, turn } from "./requestRows.ts";

describe("waterfall", () => {
  it("puts the parts of a turn one behind the other, to scale", () => {
    const parts = { endpointingMs: 200, modelMs: 500, speechMs: 250, floydMs: 50, totalMs: 1_000 };
    const { bars, widthMs } = waterfall([turn(1, parts)], [call(1)]);
    expect(widthMs).toBe(1_000);
    expect(bars[0]?.pieces).toEqual([
      { field: "endpointingMs", ms: 200, x: 0, width: 0.2 },
      { field: "modelMs", ms: 500, x: 0.2, width: 0.5 },
      { field: "speechMs", ms: 250, x: 0.7, width: 0.25 },
      { field: "floydMs", ms: 50, x: 0.95, width: 0.05 },
    ]);
  });

  it("leaves out what took no time, and knows no total of an answer that was never sent", () => {
    const { bars } = waterfall([turn(1, { endpointingMs: 300, modelMs: 0, interrupted: true })], [call(1)]);
    expect(bars[0]).toMatchObject({ totalMs: undefined, interrupted: true });
    expect(bars[0]?.pieces.map((piece) => piece.field)).toEqual(["endpointingMs"]);
  });

  it.each([
    [0, [0, 100]],
    [80, [0, 100]],
    [480, [0, 100, 200, 300, 400, 500]],
    [1_100, [0, 250, 500, 750, 1_000, 1_250]],
    [9_500, [0, 2_000, 4_000, 6_000, 8_000, 10_000]],
  ])("has round ticks up to a longest turn of %d ms", (totalMs, ticks) => {
    expect(waterfall([turn(1, { totalMs })], [call(1)]).ticksMs).toEqual(ticks);
  });

  it("keeps a stuck turn of an hour in the picture", () => {
    const { ticksMs, widthMs } = waterfall([turn(1, { totalMs: 3_600_000 })], [call(1)]);
    expect(widthMs).toBeGreaterThanOrEqual(3_600_000);
    expect(ticksMs.length).toBeLessThanOrEqual(6);
  });

  it("names turns by number, and by call too when there were several", () => {
    const one = waterfall([turn(2), turn(1)], [call(1)]);
    expect(one.bars.map((bar) => bar.label)).toEqual(["1", "2"]);
    const two = waterfall([turn(1, { callId: callId(2) }), turn(1)], [call(1), call(2)]);
    expect(two.bars.map((bar) => bar.label)).toEqual(["1.1", "2.1"]);
  });
});

describe("spread", () => {
  it("is unknown without an answer", () => {
    expect(spread([turn(1)])).toBeNull();
  });

  it("is the nearest rank", () => {
    const turns = Array.from({ length: 20 }, (_, at) => turn(at, { totalMs: (20 - at) * 100 }));
    expect(spread(turns)).toEqual({ medianMs: 1_000, p95Ms: 1_900 });
    expect(spread([turn(1, { totalMs: 700 })])).toEqual({ medianMs: 700, p95Ms: 700 });
  });
});

it.each([
  [undefined, "–"],
  [0.4, "0 ms"],
  [869.6, "870 ms"],
  [1_249, "1.2 s"],
])("milliseconds(%s) reads %s", (ms, text) => {
  expect(milliseconds(ms)).toBe(text);
});
