/** What is shown of times, numbers and states, and what is believed of config.json. */
import { ConvexError } from "convex/values";
import { describe, expect, test } from "vitest";
import { outcomeKind, requestStatus, stage } from "../../convex/schema";
import { checkedConfig } from "../../web/src/config";
import { failureOf, messageOf } from "../../web/src/ui/failure";
import { duration, relative } from "../../web/src/ui/moments";
import { spacedNumber } from "../../web/src/ui/phoneNumbers";
import { requestState } from "../../web/src/ui/requestState";

const NOW = Date.UTC(2026, 4, 1, 12);
const MINUTE = 60_000;

test("lengths of time", () => {
  const shown = [-5, 0, 999, 1_000, 59_999, 60_000, 127_000, 3_727_000].map(duration);
  expect(shown).toEqual(["0 ms", "0 ms", "999 ms", "1 s", "59 s", "1:00", "2:07", "1:02:07"]);
});

test("moments are told from now, the far ones by their date", () => {
  expect(relative(NOW - 59_000, NOW)).toBe("now");
  expect(relative(NOW + 59_000, NOW)).toBe("now");
  expect(relative(NOW - 3 * MINUTE, NOW)).toMatch(/3/);
  expect(relative(NOW + 150 * MINUTE, NOW)).toMatch(/2/);
  expect(relative(NOW - 30 * 24 * 60 * MINUTE, NOW)).toMatch(/2026/);
});

describe("phone numbers", () => {
  test.each([
    ["+14155550123", "+1 415 555 0123"],
    ["+442079460123", "+44 207 946 0123"],
    ["+493012345678", "+49 301 234 5678"],
    ["+35312345678", "+353 123 456 78"],
    ["+79161234567", "+7 916 123 4567"],
    ["+3531234567", "+353 123 4567"],
  ])("%s", (phone, spaced) => {
    expect(spacedNumber(phone)).toBe(spaced);
    expect(spaced.replaceAll(" ", "")).toBe(phone);
  });

  test.each(["", "911", "+0123456789", "Lincoln School", "+1415555012x"])("%j stays as it is", (text) => {
    expect(spacedNumber(text)).toBe(text);
  });
});

describe("the state of a request", () => {
  const literals = (union: { members: { value: string }[] }) => union.members.map(({ value }) => value);
  const statuses = literals(requestStatus as never) as never[];
  const stages = [undefined, ...(literals(stage as never) as never[])];
  const kinds = [undefined, ...(literals(outcomeKind as never) as never[])];

  test("every one that the schema allows has a name", () => {
    for (const status of statuses)
      for (const stage of stages)
        for (const kind of kinds) {
          const outcome = kind === undefined ? undefined : { kind, summary: "", reported: [] };
          const state = requestState({ status, stage, outcome, notBefore: NOW }, NOW);
          expect(state.label).toMatch(/^[A-Z][a-z A-Z]+$/);
        }
  });

  test("what waits for its hour is scheduled, what waits for a worker is not", () => {
    const waiting = { status: "pending", stage: undefined, outcome: undefined } as const;
    expect(requestState({ ...waiting, notBefore: NOW + 1 }, NOW).label).toBe("Scheduled");
    expect(requestState({ ...waiting, notBefore: NOW }, NOW).label).toBe("Waiting");
  });

  test("nothing that failed looks done", () => {
    for (const kind of kinds) {
      const outcome = kind === undefined ? undefined : { kind, summary: "", reported: [] };
      const state = requestState({ status: "failed", stage: undefined, outcome, notBefore: NOW }, NOW);
      expect(state.tone).toBe("danger");
      expect(state.label).not.toBe("Done");
    }
  });
});

describe("config.json", () => {
  const good = {
    deploymentUrl: "http://127.0.0.1:3210",
    workerUrl: "",
    line: "browser",
    rehearsed: ["openai"],
  };

  test("is taken as it is, without a slash at the end", () => {
    const config = checkedConfig({
      ...good,
      workerUrl: "https://floyd.example.com/",
      recogniser: true,
      more: 1,
    });
    expect(config).toEqual({ ...good, workerUrl: "https://floyd.example.com", recogniser: true });
    expect(checkedConfig({ deploymentUrl: "https://a.convex.cloud" }).line).toBe("telephone");
  });

  test.each([
    [null, "object"],
    [[], "deploymentUrl"],
    [{}, "deploymentUrl"],
    [{ ...good, deploymentUrl: "javascript:alert(1)" }, "deploymentUrl"],
    [{ ...good, deploymentUrl: "127.0.0.1:3210" }, "deploymentUrl"],
    [{ ...good, workerUrl: "file:///etc/passwd" }, "workerUrl"],
    [{ ...good, line: "carrier pigeon" }, "line"],
    [{ ...good, rehearsed: "all" }, "rehearsed"],
    [{ ...good, recogniser: "yes" }, "recogniser"],
  ])("%j is refused, and says which field", (found, field) => {
    expect(() => checkedConfig(found)).toThrow(field);
  });
});

test("what a function refused is told in its words, anything else is not", () => {
  const refused = new ConvexError({ code: "BAD_INPUT", message: "`to` must be a number", field: "to" });
  expect(failureOf(refused)).toMatchObject({ code: "BAD_INPUT", field: "to" });
  expect(messageOf(refused)).toBe("This must be a number");
  for (const defect of [new Error("at db.ts:12"), new ConvexError("text"), "text", null, undefined]) {
    expect(failureOf(defect)).toBeNull();
    expect(messageOf(defect)).not.toContain("db.ts");
  }
});
