/** Address books as phones and mail programs write them, and as nobody should. */
import { describe, expect, test } from "vitest";
import { contactsFromVCard } from "../../web/src/knowledge/importing/contactsFromVCard";
import { MAX_ENTRIES, MAX_NAME, MAX_NOTES, UnreadableFile } from "../../web/src/knowledge/importing/found";
import { Random } from "../embedded/random";
import { anyText, expectSound } from "./hostile";

const card = (...lines: string[]) => `${["BEGIN:VCARD", ...lines, "END:VCARD"].join("\r\n")}\r\n`;
const read = (...lines: string[]) => contactsFromVCard(card(...lines));
const one = (...lines: string[]) => {
  const { contacts, skipped } = read(...lines);
  expect(skipped).toEqual([]);
  expect(contacts).toHaveLength(1);
  return contacts[0];
};

describe("a card", () => {
  test("of an iPhone: groups, custom labels, marks of writing direction around the number", () => {
    const { contacts } = read(
      "VERSION:3.0",
      "PRODID:-//Apple Inc.//iPhone OS 17.0//EN",
      "N:Ortiz;Dana;;Ms.;",
      "FN:Ms. Dana Ortiz",
      "NICKNAME:Dana,Teacher",
      "ORG:Lincoln Elementary School;Office",
      "TITLE:Principal",
      "item1.TEL;type=pref:\u202a+1 (415) 555-0134\u202c",
      "item1.X-ABLabel:_$!<School>!$_",
      "TEL;type=CELL;type=VOICE:+1 415 555 0135",
      "item2.TEL:+1 415 555 0136",
      "item2.X-ABLabel:summer camp",
      "NOTE:Ask for her\\, not for the nurse.\\nOpens at 7:30",
    );
    expect(contacts).toEqual([
      {
        row: 1,
        name: "Ms. Dana Ortiz",
        phone: "+1 (415) 555-0134",
        aliases: ["Dana", "Teacher"],
        notes: "Principal, Lincoln Elementary School, Office\nAsk for her, not for the nurse.\nOpens at 7:30",
      },
      expect.objectContaining({ name: "Ms. Dana Ortiz (mobile)", phone: "+1 415 555 0135", aliases: [] }),
      expect.objectContaining({ name: "Ms. Dana Ortiz (summer camp)", phone: "+1 415 555 0136" }),
    ]);
  });

  test("of an old Android: version 2.1, nameless parameters, quoted-printable with soft breaks", () => {
    const contact = one(
      "VERSION:2.1",
      "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;;;",
      "TEL;CELL;PREF:+4930123456",
      "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Die Tierarztpraxis am =",
      "Ring=0D=0Aab 8 Uhr",
      "PHOTO;ENCODING=BASE64;JPEG:/9j/4AAQSkZJRgABAQAAAQABAAD",
      " /2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==",
      "",
    );
    expect(contact).toEqual({
      row: 1,
      name: "Jörg Müller",
      phone: "+4930123456",
      aliases: [],
      notes: "Die Tierarztpraxis am Ring\nab 8 Uhr",
    });
  });

  test("quoted-printable in another character set, and in one that nobody knows", () => {
    const named = (charset: string) =>
      one("VERSION:2.1", `FN;QUOTED-PRINTABLE;CHARSET=${charset}:Andr=E9`, "TEL:+1 415 555 0101")?.name;
    expect(named("ISO-8859-1")).toBe("André");
    expect(named("KLINGON-7")).toMatch(/^Andr/);
  });

  test("of version 4.0: quoted types, numbers as addresses, extensions, PREF", () => {
    const { contacts } = read(
      "VERSION:4.0",
      "FN:City Dental",
      'TEL;VALUE=uri;TYPE="voice,home":tel:+1-415-555-0121',
      'TEL;VALUE=uri;PREF=1;TYPE="voice,work":tel:+1-415-555-0120;ext=12',
    );
    expect(contacts).toEqual([
      { row: 1, name: "City Dental", phone: "+1-415-555-0120", aliases: [], notes: "Extension 12" },
      { row: 1, name: "City Dental (home)", phone: "+1-415-555-0121", aliases: [] },
    ]);
  });

  test("folded lines are one line, wherever they were folded", () => {
    expect(one("VERSION:3.0", "FN:Lincoln Elem", " entary School", "TEL:+1415", "\t5550134")).toMatchObject({
      name: "Lincoln Elementary School",
      phone: "+14155550134",
    });
  });

  test("without a name has that of its organisation; the mobile comes first if none is preferred", () => {
    const { contacts } = read(
      "VERSION:3.0",
      "ORG:Bloom & Vine",
      "TEL;TYPE=WORK:+14155550111",
      "TEL;TYPE=CELL:+14155550112",
    );
    expect(contacts.map(({ name, phone }) => [name, phone])).toEqual([
      ["Bloom & Vine", "+14155550112"],
      ["Bloom & Vine (work)", "+14155550111"],
    ]);
  });

  test("what is behind a backslash ends nothing", () => {
    const lines = ["VERSION:3.0", "N:O\\;Ortiz;Dana", "ORG:Bloom\\; Vine\\\\;Office", "TEL:+14155550111"];
    expect(one(...lines)).toMatchObject({ name: "Dana O;Ortiz", notes: "Bloom; Vine\\, Office" });
  });

  test("with one broken line is read all the same", () => {
    expect(
      one("VERSION:3.0", 'NOTE;X="unclosed:well', "FN:School", "TEL;=:1", "TEL;TYPE=HOME:+14155550134")
        ?.phone,
    ).toBe("+14155550134");
  });

  test("that was cut off with the file is read", () => {
    expect(contactsFromVCard("BEGIN:VCARD\nVERSION:3.0\nFN:School\nTEL:+14155550134").contacts).toHaveLength(
      1,
    );
  });

  test("inside another card is not that card", () => {
    const { contacts } = read(
      "VERSION:3.0",
      "FN:Boss",
      "AGENT:",
      "BEGIN:VCARD",
      "FN:Assistant",
      "TEL:+14155550199",
      "END:VCARD",
      "TEL:+14155550101",
    );
    expect(contacts).toEqual([{ row: 1, name: "Boss", phone: "+14155550101", aliases: [] }]);
  });
});

test.each([
  ["no number", ["FN:Mail Only", "EMAIL:a@example.org"], "Mail Only", "has no phone number"],
  ["an empty number", ["FN:Blank", "TEL:"], "Blank", "has no phone number"],
  ["only a fax", ["FN:Office", "TEL;TYPE=FAX,WORK:+14155550101"], "Office", "has only a fax or pager number"],
  ["no name", ["FN:", "N:;;;;", "TEL:+14155550101"], "+14155550101", "has a number but no name"],
  ["no digits", ["FN:Joke", "TEL:ask me"], "Joke", "“ask me” is not a phone number"],
])("a card with %s is skipped, and it is said why", (_, lines, who, reason) => {
  expect(read("VERSION:3.0", ...lines)).toEqual({ contacts: [], skipped: [{ row: 1, who, reason }] });
});

test("a person and number that come twice are taken once", () => {
  const school = card("VERSION:3.0", "FN:School", "TEL:+1 415 555 0134");
  const { contacts, skipped } = contactsFromVCard(school + school);
  expect(contacts).toHaveLength(1);
  expect(skipped).toEqual([{ row: 2, who: "School", reason: "is in the file twice, with +1 415 555 0134" }]);
});

test("text without a card is refused, with what to do", () => {
  expect(() => contactsFromVCard("Name,Phone\nSchool,+14155550134")).toThrow(UnreadableFile);
  expect(() => contactsFromVCard("")).toThrow(/Export your contacts/);
});

describe("bounds", () => {
  test("cards beyond the limit are counted, not read", () => {
    const cards = Array.from({ length: MAX_ENTRIES + 3 }, (_, i) =>
      card(`FN:P${i}`, `TEL:+1415${1_000_000 + i}`),
    );
    const { contacts, skipped } = contactsFromVCard(cards.join(""));
    expect(contacts).toHaveLength(MAX_ENTRIES);
    expect(skipped).toMatchObject([{ who: "3 more cards" }]);
  });

  test("a picture of 20 MB costs little, names and notes are cut", () => {
    const picture = `PHOTO;ENCODING=b:${`${"A".repeat(75)}\r\n `.repeat(270_000)}`;
    const started = performance.now();
    const contact = one(
      `FN:${"n".repeat(100_000)}`,
      picture,
      `NOTE:${"é".repeat(100_000)}`,
      "TEL:+14155550134",
    );
    // A machine under load takes half a second; work that grows with the square would take minutes.
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(contact?.name).toHaveLength(MAX_NAME);
    expect(contact?.notes).toHaveLength(MAX_NOTES);
  });
});

test("whatever is written into cards: what comes out is sound, and nothing is lost without a word", () => {
  const random = new Random(7);
  let read = 0;
  for (let round = 0; round < 300; round++) {
    const lines = Array.from({ length: random.below(8) }, () =>
      random.pick([
        () => `FN:${anyText(random)}`,
        () => `N:${anyText(random)};${anyText(random)};;;`,
        () =>
          `TEL${random.pick(["", ";CELL", ";TYPE=FAX", `;TYPE=${anyText(random)}`, ';X="'])}:${anyText(random)}`,
        () => `TEL:+1415555${1000 + random.below(20)}`,
        () => `NOTE;QUOTED-PRINTABLE;CHARSET=${random.pick(["utf-8", "x", "utf-16"])}:=${anyText(random)}=`,
        () => `${random.pick(["item1.", "a.b.", "."])}TEL:${anyText(random)}`,
        () => `__proto__:${anyText(random)}`,
        () => `TEL;__proto__=x;constructor=y:+1415555${1000 + random.below(20)}`,
        () => anyText(random),
      ])(),
    );
    try {
      const found = contactsFromVCard(card(...lines));
      expectSound(found);
      expect(found.contacts.length + found.skipped.length).toBeGreaterThan(0);
      read += 1;
    } catch (error) {
      // A first line that is folded onto BEGIN leaves no card.
      if (!(error instanceof UnreadableFile)) throw error;
    }
  }
  expect(read).toBeGreaterThan(200);
});
