/** The transcript as rows: order, the words being spoken, what was cut, and what is still to be fetched. */
import { describe, expect, it } from "vitest";
import {
  heardAndCut,
  LINES_SHOWN,
  mergeLines,
  rowsOf,
  withEarlierLines,
  withNewest,
} from "../../web/src/request/transcript.ts";
import { ANSWERED_AT, call, callId, line, live } from "./requestRows.ts";

const keys = (rows: ReturnType<typeof rowsOf>) => rows.map((row) => `${row.kind} ${row.key}`);

describe("rows", () => {
  it("come call by call, each with its heading, its lines in order and its end", () => {
    const calls = [call(2), call(1, { status: "ended" })];
    const lines = mergeLines([
      line(1),
      line(0, { callId: callId(2) }),
      line(0),
      line(1, { callId: callId(2) }),
    ]);
    expect(keys(rowsOf(calls, lines, []))).toEqual([
      "call call:calls1",
      "line calls1:0",
      "line calls1:1",
      "ended ended:calls1",
      "call call:calls2",
      "line calls2:0",
      "line calls2:1",
    ]);
  });

  it("hold each line once, however often it was fetched", () => {
    const lines = mergeLines([line(2), line(0)], [line(1), line(2)]);
    expect(lines.get(callId(1))?.map(({ seq }) => seq)).toEqual([0, 1, 2]);
  });

  it("end with the words being spoken, under the key that their line will have", () => {
    const said = mergeLines([line(0)]);
    const before = rowsOf([call(1)], said, [live({ updatedAt: ANSWERED_AT + 5_000 })]);
    expect(keys(before).at(-1)).toBe("live calls1:1");
    const after = rowsOf([call(1)], mergeLines([line(0), line(1)]), []);
    expect(after.at(-1)?.key).toBe(before.at(-1)?.key);
  });

  it.each([
    ["its line is written", "Hello, this is the school", "hello this is", 0, false],
    ["the recogniser changed its mind about the end", "Hello, I'm Ann", "hello i am an", 0, false],
    ["the same is said a second time", "Yes.", "yes", 500, true],
    ["something else is said", "Yes.", "Who is calling", 0, true],
  ])("show words being spoken or not: %s", (_, written, spoken, laterMs, shown) => {
    const last = line(1, { text: written });
    const words = live({ text: spoken, updatedAt: last._creationTime + laterMs });
    const rows = rowsOf([call(1)], mergeLines([line(0), last]), [words]);
    expect(rows.some((row) => row.kind === "live")).toBe(shown);
  });

  it("know Floyd's own interrupted line by what it intended to say", () => {
    const cut = line(0, { text: "We would", interrupted: true, intended: "We would like a table for four" });
    const words = live({ speaker: "floyd", text: "We would like a table for", updatedAt: cut._creationTime });
    expect(rowsOf([call(1)], mergeLines([cut]), [words]).some((row) => row.kind === "live")).toBe(false);
  });

  it("show nothing as being spoken on a call that is over", () => {
    const rows = rowsOf([call(1, { status: "ended" })], mergeLines([]), [live()]);
    expect(rows.map((row) => row.kind)).toEqual(["call", "ended"]);
  });
});

describe("what was cut", () => {
  it.each([
    ["not interrupted", "Good morning.", false, undefined, "Good morning.", ""],
    ["cut in the middle", "We would like", true, "We would like a table.", "We would like", "a table."],
    ["cut before a word was heard", "", true, "We would like a table.", "", "We would like a table."],
    ["after a filler", "Let me see. It is", true, "It is for four.", "Let me see. It is", "for four."],
    ["heard to the last word", "It is for four.", true, "It is for four.", "It is for four.", ""],
    ["without knowing what was intended", "We would", true, undefined, "We would", ""],
    ["heard as something else", "Wee wood", true, "We would like a table.", "Wee wood", ""],
  ])("%s", (_, text, interrupted, intended, heard, cut) => {
    expect(heardAndCut({ text, interrupted, ...(intended !== undefined && { intended }) })).toEqual({
      heard,
      cut,
    });
  });
});

const seqs = (lines: ReturnType<typeof mergeLines>) => lines.get(callId(1))?.map(({ seq }) => seq);

describe("the newest lines", () => {
  it("leave those that they take the place of where they are", () => {
    const before = mergeLines([line(0), line(1)]);
    expect(seqs(withNewest(before, [line(1), line(2), line(3)]))).toEqual([0, 1, 2, 3]);
  });

  it("stand alone when lines in between were missed, until those are fetched", () => {
    const after = withNewest(mergeLines([line(0), line(1)]), [line(5), line(6)]);
    expect(seqs(after)).toEqual([5, 6]);
    expect(seqs(withNewest(after, [line(3), line(4)]))).toEqual([3, 4, 5, 6]);
  });

  it("of one call do not touch another's", () => {
    const both = withNewest(mergeLines([line(0)]), [line(7, { callId: callId(2) })]);
    expect(seqs(both)).toEqual([0]);
    expect(both.get(callId(2))).toHaveLength(1);
  });
});

describe("earlier lines", () => {
  const many = (attempt: number, from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => line(from + at, { callId: callId(attempt) }));

  it.each([
    ["few lines: all are there", many(1, 0, 12), new Set<string>(), null],
    ["the first lines of a long call are missing", many(1, 1_000, 2_000), new Set<string>(), 1],
    ["fetched to the first line", many(1, 0, 2_000), new Set<string>(), null],
    ["an earlier call may have lines too", many(2, 0, LINES_SHOWN), new Set<string>(), 1],
    ["the earlier call had none", many(2, 0, LINES_SHOWN), new Set(["calls1"]), null],
  ])("%s", (_, lines, whole, expected) => {
    const calls = [call(1), ...(lines[0]?.callId === callId(2) ? [call(2)] : [])];
    expect(withEarlierLines(calls, mergeLines(lines), whole)?.attempt ?? null).toBe(expected);
  });
});
