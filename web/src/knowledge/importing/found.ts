/** What a file of contacts is read into, before the person has seen it and before the deployment has judged it. */

/** As it stands in the file; which numbers can be called is the deployment's to say. */
export type FoundContact = { row: number; name: string; phone: string; aliases: string[]; notes?: string };
/** `row`: the card's place in a vCard file, the row's in a table, both from 1. */
export type SkippedEntry = { row: number; who: string; reason: string };
export type Found = { contacts: FoundContact[]; skipped: SkippedEntry[] };

/** The file as a whole is of no use. The message is for the person, and says what would be. */
export class UnreadableFile extends Error {
  override name = "UnreadableFile";
}

/** More than four times the contacts that Floyd keeps for a person: a choice can be made from them. */
export const MAX_ENTRIES = 2_000;
/** People with more numbers than this are an address book's defect, or an attack. */
export const MAX_NUMBERS = 10;

/** The sizes that `convex/input.ts` allows; a test holds them equal. What is longer is cut. */
export const MAX_NAME = 200;
export const MAX_NOTES = 1_000;
export const MAX_ALIASES = 20;
/** Far longer than any number however it is written. */
const MAX_PHONE = 60;

export type FoundNumber = {
  value: string;
  /** What the file calls it: home, work, ... Empty when it does not say. */
  label: string;
  /** The file marks it as the one to use. */
  preferred?: boolean;
  /** Nobody talks there: fax, pager and the like. */
  silent?: boolean;
};

/** One person or business of an address book, with all its numbers. */
export type Entry = {
  row: number;
  names: (string | undefined)[];
  organisation?: string;
  title?: string;
  nicknames?: string[];
  notes?: string;
  numbers: FoundNumber[];
};

const MOBILE = /mobil|cell|iphone|handy|portable|m[oó]vil|celular/i;

/**
 * Add one entry: a contact for each of its numbers. The first, which is the one the file prefers, else the mobile,
 * has the entry's own name; the others have the label behind it.
 */
export function addEntry(found: Found, entry: Entry, seen: Set<string>): void {
  const { row } = entry;
  const organisation = oneLine(entry.organisation, MAX_NAME);
  const nicknames = (entry.nicknames ?? []).map((nick) => oneLine(nick, MAX_NAME)).filter(Boolean);
  const name =
    entry.names.map((one) => oneLine(one, MAX_NAME)).find(Boolean) ?? (organisation || nicknames[0] || "");
  const spoken = entry.numbers.filter(({ silent }) => !silent);
  const who = name || oneLine(entry.numbers[0]?.value, MAX_PHONE) || "An entry without a name";
  const skip = (reason: string) => found.skipped.push({ row, who, reason });

  if (entry.numbers.length === 0) return void skip("has no phone number");
  if (spoken.length === 0) return void skip("has only a fax or pager number");
  if (name === "") return void skip("has a number but no name");
  if (spoken.length > MAX_NUMBERS) skip(`has ${spoken.length} numbers: the first ${MAX_NUMBERS} are taken`);

  const work = [entry.title, organisation === name ? "" : organisation].map((one) => oneLine(one, MAX_NAME));
  const notes = [work.filter(Boolean).join(", "), entry.notes].map((one) => lines(one, MAX_NOTES));
  const aliases = [...new Set(nicknames)].filter((alias) => alias !== name).slice(0, MAX_ALIASES);
  const places = new Set<string>();
  for (const [at, { value, label, extension }] of ordered(spoken.map(withExtension)).entries()) {
    const phone = oneLine(value, MAX_PHONE + 1);
    const place = at === 0 || label === "" ? "" : ` (${label})`;
    if (!/\d/.test(phone) || phone.length > MAX_PHONE) {
      skip(`“${phone.slice(0, MAX_PHONE)}” is not a phone number`);
      continue;
    }
    const key = phone.replace(/[^\d+]/g, "");
    // The same number under a second label is the same contact, which is no news to anybody.
    if (places.has(key)) continue;
    places.add(key);
    if (seen.has(`${name}\n${key}`)) {
      skip(`is in the file twice, with ${phone}`);
      continue;
    }
    seen.add(`${name}\n${key}`);
    const said = [...notes, extension === "" ? "" : `Extension ${extension}`].filter(Boolean).join("\n");
    found.contacts.push({
      row,
      name: oneLine(`${name.slice(0, MAX_NAME - place.length)}${place}`, MAX_NAME),
      phone,
      aliases: at === 0 ? aliases : [],
      ...(said === "" ? {} : { notes: said.slice(0, MAX_NOTES) }),
    });
  }
}

function ordered<T extends FoundNumber>(numbers: T[]): T[] {
  const rank = ({ preferred, label }: FoundNumber) => (preferred ? 0 : MOBILE.test(label) ? 1 : 2);
  return numbers.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_NUMBERS);
}

/** RFC 3966 (`tel:+1-415-555-0134;ext=12`) and what people write ("x12", "ext. 12") behind a number. */
function withExtension(number: FoundNumber): FoundNumber & { extension: string } {
  const bare = oneLine(number.value, 4 * MAX_PHONE).replace(/^tel:/i, "");
  const written =
    /^(.*\d.*?)(?:;\s*ext=|,?\s*(?:ext(?:ension)?\b\.?|x|#|durchwahl)\s*:?\s*)(\d{1,8})\b.*$/i.exec(bare);
  const [, value = bare, extension = ""] = written ?? [];
  // "+49 (0)30 ...": the zero is for callers inside the country.
  const dialled = value.replace(/;.*$/s, "").replace(/^(\s*(?:\+|00)\d{1,3}\s*)\(0\)/, "$1");
  return { ...number, value: dialled, label: oneLine(number.label, 40).toLowerCase(), extension };
}

// Control and format characters, among them the marks of writing direction that phones copy along with numbers.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffe\uffff]+/gu;

export function oneLine(value: string | undefined, max: number): string {
  // Cut before the work as well: what comes in may be as large as the file.
  const short = (value ?? "").slice(0, 20 * max).normalize("NFC");
  return whole(
    short.replace(/\s+/g, " ").replace(INVISIBLE, "").replace(/ +/g, " ").trim().slice(0, max),
  ).trim();
}

/** As `oneLine`, with the line breaks kept. */
export function lines(value: string | undefined, max: number): string {
  const each = (value ?? "").slice(0, 20 * max).split(/\r\n|\r|\n/);
  return whole(
    each
      .map((line) => oneLine(line, max))
      .join("\n")
      .trim()
      .slice(0, max),
  ).trim();
}

/** A cut may have gone through the middle of a character. */
function whole(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed().replaceAll("\ufffd", "");
}
