/** Facts from lines of text, and files in whatever encoding. */
import { expect, test } from "vitest";
import {
  MAX_ALIASES as ALIASES,
  MAX_CONTACTS_AT_ONCE as CONTACTS_AT_ONCE,
  MAX_FACT_CHARS as FACT_CHARS,
  MAX_FACTS as FACTS,
  MAX_FACTS_AT_ONCE as FACTS_AT_ONCE,
  MAX_NAME_CHARS as NAME_CHARS,
  MAX_NOTES_CHARS as NOTES_CHARS,
} from "../../convex/input";
import { MAX_CONTACTS_AT_ONCE } from "../../web/src/knowledge/importing/batches";
import { decodeText } from "../../web/src/knowledge/importing/decodeText";
import {
  factsFromText,
  MAX_FACT_CHARS,
  MAX_FACTS,
  MAX_FACTS_AT_ONCE,
} from "../../web/src/knowledge/importing/factsFromText";
import { MAX_ALIASES, MAX_NAME, MAX_NOTES } from "../../web/src/knowledge/importing/found";
import { Random } from "../embedded/random";
import { anyText } from "./hostile";

const read = (text: string, known: string[] = [], room = 500) => factsFromText(text, new Set(known), room);

test("the page's limits are the deployment's", () => {
  expect([MAX_FACT_CHARS, MAX_FACTS, MAX_FACTS_AT_ONCE]).toEqual([FACT_CHARS, FACTS, FACTS_AT_ONCE]);
  expect([MAX_NAME, MAX_NOTES, MAX_ALIASES]).toEqual([NAME_CHARS, NOTES_CHARS, ALIASES]);
  expect(MAX_CONTACTS_AT_ONCE).toBe(CONTACTS_AT_ONCE);
});

test("one fact a line; lists, headings and empty lines are understood", () => {
  const { facts, skipped } = read(
    "\ufeff# About us\r\n\r\nMara is in class 4B\r\n- We live at 12 Elm Street\n  * The dog is called Rex \n3. Two cars\n• [x] 2 cats\n",
  );
  expect(facts).toEqual([
    { row: 3, text: "Mara is in class 4B" },
    { row: 4, text: "We live at 12 Elm Street" },
    { row: 5, text: "The dog is called Rex" },
    { row: 6, text: "Two cars" },
    { row: 7, text: "2 cats" },
  ]);
  expect(skipped).toEqual([]);
});

test("what begins like a list's mark but is none stays", () => {
  expect(read("-5 degrees is our freezer\n3.5 rooms\n12 Elm Street").facts.map(({ text }) => text)).toEqual([
    "-5 degrees is our freezer",
    "3.5 rooms",
    "12 Elm Street",
  ]);
});

test("what is known, there twice, too long, or without room is skipped, and it is said why", () => {
  const { facts, skipped } = read(
    `Known\nOne\nOne\n${"x".repeat(MAX_FACT_CHARS + 1)}\nTwo\nThree`,
    ["Known"],
    2,
  );
  expect(facts.map(({ text }) => text)).toEqual(["One", "Two"]);
  expect(skipped).toMatchObject([
    { row: 1, who: "Known", reason: "Floyd knows this already" },
    { row: 3, who: "One", reason: "is there twice" },
    { row: 4, reason: expect.stringContaining("longer than 1000") },
    { row: 6, who: "Three", reason: expect.stringContaining("no room") },
  ]);
});

test("whatever is written: facts are single lines within the limits, each once", () => {
  const random = new Random(3);
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: random.below(12) }, () => anyText(random)).join("\n");
    const facts = read(text, [], 5).facts.map((fact) => fact.text);
    expect(facts.length).toBeLessThanOrEqual(5);
    expect(new Set(facts).size).toBe(facts.length);
    for (const fact of facts) expect(fact).toMatch(/^(?!#)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,1000}$/u);
  }
});

test("a million lines are cut short", () => {
  const { facts, skipped } = read("a fact\n".repeat(1_000_000));
  expect(facts).toHaveLength(1);
  expect(skipped.at(-1)?.reason).toMatch(/not read/);
});

const MUELLER = "Müller – „5 €“";

test.each([
  ["UTF-8", new TextEncoder().encode(MUELLER)],
  ["UTF-8 with a mark", new TextEncoder().encode(`\ufeff${MUELLER}`)],
  ["UTF-16, little end first", new Uint8Array(Buffer.from(`\ufeff${MUELLER}`, "utf16le"))],
  ["UTF-16, big end first", new Uint8Array(Buffer.from(`\ufeff${MUELLER}`, "utf16le").swap16())],
  ["Windows-1252", new Uint8Array([77, 0xfc, 108, 108, 101, 114, 32, 0x96, 32, 0x84, 53, 32, 0x80, 0x93])],
])("a file in %s is read", (_, bytes) => {
  expect(decodeText(bytes)).toBe(MUELLER);
});

test("any bytes are some text", () => {
  const random = new Random(5);
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8Array.from({ length: random.below(50) }, () => random.below(256));
    expect(typeof decodeText(bytes)).toBe("string");
  }
});
