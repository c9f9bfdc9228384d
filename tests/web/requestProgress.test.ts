/** Where a request is on its way, and what may be done with it there. */
import { describe, expect, it } from "vitest";
import { type Action, currentCall, offers } from "../../web/src/request/actions.ts";
import { headline } from "../../web/src/request/headline.ts";
import { progressOf } from "../../web/src/request/progress.ts";
import type { Request } from "../../web/src/request/show.ts";
import { ANSWERED_AT, call, request, SCHOOL } from "./requestRows.ts";

const NOW = ANSWERED_AT + 60_000;
const school = { phone: SCHOOL, source: "contact" as const, name: "Lincoln Elementary" };
const outcome = (kind: NonNullable<Request["outcome"]>["kind"]) => ({ kind, summary: "", reported: [] });

function shape(more: Partial<Request>, calls = [call(1)]): string {
  const { steps, sentence } = progressOf(request(more), calls, NOW);
  return `${steps.map(({ state }) => state[0]).join("")} ${sentence}`;
}

describe("progress: d(one), n(ow), a(head), s(topped) of each step, and the sentence", () => {
  it.each<[Partial<Request>, string]>([
    [{ status: "pending", notBefore: NOW - 1 }, "aaaa Waiting for a free line"],
    [{ stage: "gatheringContext" }, "naaa Getting ready"],
    [{ stage: "planning", number: school }, "naaa Planning"],
    [{ stage: "findingNumber" }, "naaa Finding the number"],
    [{ stage: "dialing", number: school }, "dnaa Dialling: Lincoln Elementary"],
    [{ stage: "ringing", toNumber: SCHOOL }, `dnaa Ringing: ${SCHOOL}`],
    [{ stage: "talking", number: school }, "ddna Talking with Lincoln Elementary"],
    [{ stage: "onHold", number: school }, "ddna On hold with Lincoln Elementary"],
    [{ stage: "wrappingUp" }, "dddn Wrapping up"],
    [{ status: "needsInput" }, "ddsa Floyd needs an answer from you"],
    [{ status: "completed", outcome: outcome("done") }, "dddd Done"],
    [{ status: "completed", outcome: outcome("voicemailLeft") }, "dddd Voicemail left"],
    [{ status: "failed", outcome: outcome("busy") }, "ddsa Busy"],
    [{ status: "cancelled" }, "ddsa Cancelled"],
  ])("%j", (more, expected) => {
    expect(shape(more)).toBe(expected);
  });

  it("stops where it came to", () => {
    expect(shape({ status: "cancelled" }, [])).toBe("saaa Cancelled");
    expect(shape({ status: "cancelled" }, [call(1, { answeredAt: undefined })])).toBe("dsaa Cancelled");
  });

  it("says when it will call, and that it is once more", () => {
    expect(shape({ status: "pending", notBefore: NOW + 1 })).toMatch(/^aaaa Calls at /);
    expect(shape({ status: "pending", notBefore: NOW + 1, attempts: 1 })).toMatch(/^aaaa Calls again at /);
  });

  it("has a clock while they talk, and only then", () => {
    const clock = (more: Partial<Request>, calls = [call(1)]) =>
      progressOf(request(more), calls, NOW).talkingSince;
    expect(clock({ stage: "talking" })).toBe(ANSWERED_AT);
    expect(clock({ stage: "onHold" })).toBe(ANSWERED_AT);
    expect(clock({ stage: "wrappingUp" })).toBeUndefined();
    expect(clock({ stage: "talking" }, [call(1, { status: "ended" })])).toBeUndefined();
    expect(clock({ status: "completed" })).toBeUndefined();
  });
});

describe("actions", () => {
  const all: Action[] = ["edit", "callAt", "cancel", "callAgain"];
  it.each<[Request["status"], Action[]]>([
    ["pending", ["edit", "callAt", "cancel"]],
    ["inFlight", ["cancel"]],
    ["needsInput", ["edit", "cancel"]],
    ["completed", ["callAgain"]],
    ["failed", ["callAgain"]],
    ["cancelled", ["callAgain"]],
  ])("%s offers %j", (status, offered) => {
    expect(all.filter((action) => offers(status, action))).toEqual(offered);
  });

  it("are about the call that has not ended", () => {
    expect(currentCall([call(1, { status: "ended" }), call(2)])?.attempt).toBe(2);
    expect(currentCall([call(1, { status: "ended" })])).toBeUndefined();
  });
});

it.each([
  ["Call the school", "Call the school"],
  ["  Call the school\nand say that Mara is sick", "Call the school …"],
  [`Call ${"word ".repeat(40)}`, `Call ${"word ".repeat(21).trim()} …`],
  ["x".repeat(300), `${"x".repeat(110)} …`],
])("headline %#", (text, expected) => {
  expect(headline(text)).toBe(expected);
});
