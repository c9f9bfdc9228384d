/** What a reported fact or a disclosure links to. */
import { describe, expect, it } from "vitest";
import type { Id } from "../../web/src/api.ts";
import { linesFragment, supportOf, targetOf } from "../../web/src/request/evidence.ts";
import { knownAndTold } from "../../web/src/request/knowledge.ts";
import { mergeLines } from "../../web/src/request/transcript.ts";
import { call, callId, disclosure, line, SCHOOL } from "./requestRows.ts";

const lines = mergeLines([line(3), line(12), line(3, { callId: callId(2) })]);
const fact = (more: object = {}) => ({
  text: "Noted",
  callId: callId(1),
  lines: [12, 3],
  confirmed: true,
  ...more,
});

describe("evidence", () => {
  it("is one link per line, by when it was spoken; each highlights all the lines of the fact", () => {
    expect(supportOf(fact(), [call(1)], lines)).toEqual([
      { key: "calls1:3", label: "0:03", target: { callId: "calls1", seqs: [3, 12] } },
      { key: "calls1:12", label: "0:12", target: { callId: "calls1", seqs: [12, 3] } },
    ]);
  });

  it.each([
    ["names the call when there were several", fact({ lines: [3] }), [call(1), call(2)], ["call 1, 0:03"]],
    [
      "is about the last call without one named",
      fact({ callId: undefined, lines: [3] }),
      [call(1), call(2)],
      ["call 2, 0:03"],
    ],
    ["counts a line that is not loaded", fact({ lines: [70] }), [call(1)], ["line 71"]],
    [
      "counts the lines of a call that nobody is known to have answered",
      fact({ lines: [3] }),
      [call(1, { answeredAt: undefined })],
      ["line 4"],
    ],
    ["is none for what is unconfirmed", fact({ confirmed: false, lines: [] }), [call(1)], []],
    ["is none without a call", fact(), [], []],
  ])("%s", (_, reported, calls, labels) => {
    expect(supportOf(reported, calls, lines).map(({ label }) => label)).toEqual(labels);
  });
});

describe("a fragment", () => {
  it("leads back to the lines it was made of", () => {
    const target = { callId: "j57abc", seqs: [12, 3] };
    expect(targetOf(linesFragment(target))).toEqual(target);
  });

  it.each([
    "",
    "#",
    "#content",
    "#lines=",
    "#lines=abc",
    "#lines=abc:",
    "#lines=abc:1,",
    "#lines=abc:x",
    "#lines=<b>:1",
    "#lines=abc:1234567",
  ])("that is damaged or another's leads nowhere: %j", (fragment) => {
    expect(targetOf(fragment)).toBeNull();
  });
});

describe("what Floyd knew", () => {
  const factId = "facts1" as Id<"facts">;

  it("is shown with whom it was told to, and when", () => {
    const context = [{ factId, text: "Mara's class is 3B", sharing: "free" as const }];
    const told = [disclosure(3, { factId, text: "class 3B" }), disclosure(12, { factId })];
    const known = knownAndTold(context, told, [call(1)], lines);
    expect(known).toHaveLength(1);
    expect(known[0]?.told.map(({ to, at, target }) => [to, at, target.seqs])).toEqual([
      [SCHOOL, "0:03", [3]],
      [SCHOOL, "0:12", [12]],
    ]);
  });

  it("lists what was told without having been chosen, once", () => {
    const told = [
      disclosure(3, { text: "At most 60 dollars" }),
      disclosure(12, { text: "At most 60 dollars" }),
    ];
    const known = knownAndTold([], told, [call(1)], lines);
    expect(known.map(({ text, sharing, told }) => [text, sharing, told.length])).toEqual([
      ["At most 60 dollars", undefined, 2],
    ]);
  });

  it("keeps what was not told", () => {
    const context = [{ factId, text: "The alarm code", sharing: "ask" as const }];
    expect(knownAndTold(context, [], [call(1)], lines)).toMatchObject([{ sharing: "ask", told: [] }]);
  });
});
