/** Text that nobody hopes for, and what holds of contacts whatever they were read from. */
import { expect } from "vitest";
import {
  type Found,
  MAX_ALIASES,
  MAX_NAME,
  MAX_NOTES,
  MAX_NUMBERS,
} from "../../web/src/knowledge/importing/found";
import type { Random } from "../embedded/random";

const PIECES = [
  ..."aZ0 9+-()=;:,\"'\\^|\t\n\r#.",
  "é",
  "😀",
  "\ud83d",
  "\u202e",
  "\u0000",
  "\u2028",
  "\ufeff",
  "School",
  "<b>",
  "=HYPERLINK(1)",
  "+14155550134",
  "BEGIN:VCARD",
  "END:VCARD",
  "=3D",
  "=\r\n",
  " ::: ",
  "\r\n ",
  "x".repeat(300),
];

export function anyText(random: Random): string {
  return Array.from({ length: random.below(8) }, () => random.pick(PIECES)).join("");
}

/** What `contacts:importMany` would take but for the number, which it judges. */
export function expectSound({ contacts, skipped }: Found): void {
  const perEntry = new Map<number, number>();
  for (const { row, name, phone, aliases, notes } of contacts) {
    perEntry.set(row, (perEntry.get(row) ?? 0) + 1);
    for (const text of [name, phone, ...aliases]) {
      expect(text).toBe(text.trim());
      expect(text).not.toBe("");
      expect(text).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u);
      expect(text.length).toBeLessThanOrEqual(MAX_NAME);
      expect(text.isWellFormed()).toBe(true);
    }
    expect(phone).toMatch(/\d/);
    expect(phone.length).toBeLessThanOrEqual(60);
    expect(aliases.length).toBeLessThanOrEqual(MAX_ALIASES);
    expect(notes).not.toBe("");
    expect(notes?.length ?? 0).toBeLessThanOrEqual(MAX_NOTES);
    expect(notes?.isWellFormed() ?? true).toBe(true);
  }
  for (const count of perEntry.values()) expect(count).toBeLessThanOrEqual(MAX_NUMBERS);
  for (const { row, who, reason } of skipped) {
    expect(row).toBeGreaterThan(0);
    expect(who.length).toBeLessThanOrEqual(MAX_NAME);
    expect(who).not.toBe("");
    expect(reason).not.toBe("");
    expect(reason.length).toBeLessThan(400);
  }
}
