/** Tables of contacts as Google, Outlook, Apple and people write them. */
import Papa from "papaparse";
import { describe, expect, test } from "vitest";
import { contactsFromCsv } from "../../web/src/knowledge/importing/contactsFromCsv";
import { MAX_ENTRIES, UnreadableFile } from "../../web/src/knowledge/importing/found";
import { Random } from "../embedded/random";
import { anyText, expectSound } from "./hostile";

const brief = (text: string) =>
  contactsFromCsv(text).contacts.map(({ row, name, phone }) => `${row}: ${name} ${phone}`);

describe("exports", () => {
  test("of Google", () => {
    const { contacts, skipped } = contactsFromCsv(
      [
        "First Name,Middle Name,Last Name,Phonetic First Name,Nickname,File As,Organization Name,Organization Title,Notes,Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value",
        'Dana,,Ortiz,DAY-na,Teacher,,Lincoln Elementary School,Principal,"Ask for her,\nnot the nurse",* myContacts,* Work,d@example.org,Work,+1 415-555-0134 ::: +1 415-555-0137,* Mobile,+1 415-555-0135',
        ",,,,,,Bloom & Vine,,,,,,Work Fax,+1 415-555-0199,Main,+1 415-555-0112",
        "Mail,,Only,,,,,,,,,m@example.org,,,,",
      ].join("\r\n"),
    );
    expect(contacts).toEqual([
      {
        row: 2,
        name: "Dana Ortiz",
        phone: "+1 415-555-0135",
        aliases: ["Teacher"],
        notes: "Principal, Lincoln Elementary School\nAsk for her,\nnot the nurse",
      },
      expect.objectContaining({ name: "Dana Ortiz (work)", phone: "+1 415-555-0134" }),
      expect.objectContaining({ name: "Dana Ortiz (work)", phone: "+1 415-555-0137" }),
      { row: 3, name: "Bloom & Vine", phone: "+1 415-555-0112", aliases: [] },
    ]);
    expect(skipped).toEqual([{ row: 4, who: "Mail Only", reason: "has no phone number" }]);
  });

  test("of Google before 2024: the whole name beside its parts", () => {
    const text =
      "Name,Given Name,Additional Name,Family Name,Yomi Name,Phone 1 - Type,Phone 1 - Value\n" +
      "Dr. Dana Ortiz,Dana,,Ortiz,,Mobile,+14155550134\n";
    expect(brief(text)).toEqual(["2: Dr. Dana Ortiz +14155550134"]);
  });

  test("of Outlook", () => {
    const text =
      '"First Name","Middle Name","Last Name","Company","Job Title","Assistant\'s Phone","Business Fax","Business Phone","Home Phone","Mobile Phone","Pager","Government ID Number","Notes"\r\n' +
      '"Dana","M.","Ortiz","Lincoln","","","+14155550198","+14155550134","","+14155550135","+14155550197","4155550000",""\r\n' +
      '"","","","City Dental","","","","+14155550120","","","","",""\r\n';
    expect(brief(text)).toEqual([
      "2: Dana M. Ortiz +14155550135",
      "2: Dana M. Ortiz (work) +14155550134",
      "3: City Dental +14155550120",
    ]);
  });

  test("of a German Outlook, separated by semicolons", () => {
    const text =
      "Vorname;Nachname;Firma;Telefon geschäftlich;Mobiltelefon;Faxnummer;Notizen\n" +
      "Jörg;Müller;Praxis am Ring;+49 30 123456;;+49 30 123457;ab 8 Uhr\n";
    expect(contactsFromCsv(text).contacts).toEqual([
      { row: 2, name: "Jörg Müller", phone: "+49 30 123456", aliases: [], notes: "Praxis am Ring\nab 8 Uhr" },
    ]);
  });

  test("of Apple's contacts by way of an exporter", () => {
    const text =
      "First name,Last name,Phone : mobile,Phone : home\nDana,Ortiz,+1 415 555 0135,+1 415 555 0134\n";
    expect(brief(text)).toEqual(["2: Dana Ortiz +1 415 555 0135", "2: Dana Ortiz (home) +1 415 555 0134"]);
  });
});

describe("tables that people keep", () => {
  test.each([
    ["two columns", "Name,Phone\nSchool,+14155550134\n", ["2: School +14155550134"]],
    ["tabs", "Phone\tWho\n+14155550134\tSchool\n", ["2: School +14155550134"]],
    ["Excel's first line", "sep=;\r\nName;Telefon\r\nSchule;+49 30 123456\r\n", ["3: Schule +49 30 123456"]],
    ["a byte order mark", "\ufeffName,Phone\nSchool,+14155550134", ["2: School +14155550134"]],
    [
      "a title and a blank row above",
      "Our numbers,\n,\nName,Phone\nSchool,+14155550134",
      ["4: School +14155550134"],
    ],
    [
      "a family name called Name",
      "Name;Vorname;Tel.\nMüller;Jörg;+4930123456",
      ["2: Jörg Müller +4930123456"],
    ],
    [
      "no headings",
      "School,+14155550134\nDentist,+14155550120",
      ["1: School +14155550134", "2: Dentist +14155550120"],
    ],
    [
      "no headings, numbers first",
      "+14155550134;School\n+14155550120;Dentist",
      ["1: School +14155550134", "2: Dentist +14155550120"],
    ],
    ["headings that say nothing", "A,B\nSchool,+14155550134\n", ["2: School +14155550134"]],
    [
      "numbers kept from a spreadsheet",
      'Name,Phone\nA,\'+14155550134\nB,"=""+14155550135"""\n',
      ["2: A +14155550134", "3: B +14155550135"],
    ],
    ["a zero for callers at home", "Name,Phone\nPraxis,+49 (0)30 123456\n", ["2: Praxis +49 30 123456"]],
    [
      "an e-mail address before the name",
      "a@example.org,School,+14155550134\nb@example.org,Vet,+14155550135",
      ["1: School +14155550134", "2: Vet +14155550135"],
    ],
  ])("with %s", (_, text, expected) => {
    expect(brief(text)).toEqual(expected);
  });

  test("extensions go into the notes", () => {
    const text = "Name,Phone\nDesk,+1 415 555 0134 ext. 12\nOther,+1 415 555 0135 x7";
    expect(contactsFromCsv(text).contacts).toMatchObject([
      { phone: "+1 415 555 0134", notes: "Extension 12" },
      { phone: "+1 415 555 0135", notes: "Extension 7" },
    ]);
  });
});

test.each([
  ["a number that a spreadsheet shortened", "School,1.41556E+10", /was a number before a spreadsheet/],
  ["no number", "School,", /has no phone number/],
  ["no name", ",+14155550134", /has a number but no name/],
  ["words for a number", "School,see website", /is not a phone number/],
  ["a quotation mark that is not closed", 'School,"+14155550134', /quotation mark/],
])("a row with %s is skipped, and it is said why", (_, row, reason) => {
  const { contacts, skipped } = contactsFromCsv(`Name,Phone\n${row}\n`);
  expect(contacts).toEqual([]);
  expect(skipped).toEqual([{ row: 2, who: expect.any(String), reason: expect.stringMatching(reason) }]);
});

test.each([
  ["nothing", "", /The table is empty/],
  ["no numbers", "Name,E-mail\nDana,d@example.org", /Its columns are: Name, E-mail/],
  ["no names", "Phone\n+14155550134\n+14155550135", /Call two of them/],
  ["prose", "Dear all,\nplease find attached the list.\n", /no column of names/],
])("a table with %s is refused, with what to do", (_, text, message) => {
  expect(() => contactsFromCsv(text)).toThrow(UnreadableFile);
  expect(() => contactsFromCsv(text)).toThrow(message);
});

describe("bounds", () => {
  test("rows beyond the limit are said not to be read", () => {
    const rows = Array.from({ length: MAX_ENTRIES + 50 }, (_, i) => `P${i},+1415${1_000_000 + i}`);
    const { contacts, skipped } = contactsFromCsv(`Name,Phone\n${rows.join("\n")}`);
    expect(contacts).toHaveLength(MAX_ENTRIES);
    expect(skipped).toMatchObject([{ row: MAX_ENTRIES + 2, reason: expect.stringContaining("not read") }]);
  });

  test("a row of a million cells, and one quoted cell as large as the file", () => {
    const wide = `Name,Phone\nSchool,+14155550134${",x".repeat(1_000_000)}\n`;
    expect(contactsFromCsv(wide).contacts).toHaveLength(1);
    const long = `Name,Phone,Notes\nSchool,+14155550134,"${"a\n".repeat(1_000_000)}"\n`;
    expect(contactsFromCsv(long).contacts[0]?.notes?.length).toBeLessThanOrEqual(1_000);
  });
});

test("what a table says is what is read, whatever the separator and the order of columns", () => {
  const random = new Random(11);
  for (let round = 0; round < 200; round++) {
    const wanted = Array.from({ length: 1 + random.below(6) }, (_, i) => ({
      Name: `${random.pick(["School", "Müller, Jörg", 'The "Vine"', "Ann; Bob", "O'Hara"])} ${i}`,
      Phone: `+1 (415) 555-${1000 + random.below(9000)}`,
      Notes: random.pick(["", "Ask for Dana", "a,b;c\td", 'say "hi"', "=1+1"]),
    }));
    const columns = random.pick([
      ["Name", "Phone", "Notes"],
      ["Notes", "Phone", "Name"],
      ["Phone", "Notes", "Name"],
    ]);
    const delimiter = random.pick([",", ";", "\t"]);
    const text = Papa.unparse(wanted, {
      columns,
      delimiter,
      newline: random.pick(["\n", "\r\n"]),
      quotes: true,
    });
    const { contacts, skipped } = contactsFromCsv(text);
    expect(skipped).toEqual([]);
    expect(contacts.map(({ name, phone, notes }) => ({ name, phone, notes: notes ?? "" }))).toEqual(
      wanted.map(({ Name, Phone, Notes }) => ({ name: Name, phone: Phone, notes: Notes.replace("\t", " ") })),
    );
  }
});

test("whatever is written into a table: it is refused in words, or what comes out is sound", () => {
  const random = new Random(13);
  let read = 0;
  for (let round = 0; round < 500; round++) {
    const row = () =>
      Array.from({ length: random.below(5) }, () => anyText(random)).join(random.pick([",", ";"]));
    const head = random.pick(["Name,Phone,Notes\n", "Phone 1 - Value,Phone 1 - Label,First Name\n", ""]);
    try {
      expectSound(contactsFromCsv(`${head}${Array.from({ length: random.below(6) }, row).join("\n")}`));
      read += 1;
    } catch (error) {
      if (!(error instanceof UnreadableFile)) throw error;
      expect(error.message.length).toBeLessThan(500);
    }
  }
  expect(read).toBeGreaterThan(200);
});
