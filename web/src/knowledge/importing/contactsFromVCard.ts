/**
 * Contacts from a vCard file: versions 3.0 (RFC 2426), 4.0 (RFC 6350) and 2.1 (versit, 1996), which Android and older
 * phones still write. A line is a property, `group.NAME;PARAMETER=value,"value":value`; a value has its commas,
 * semicolons, backslashes and line breaks behind a backslash. 2.1 differs in three ways: parameters without a name
 * (`TEL;CELL:`), quoted-printable values, and their soft line breaks.
 *
 * Only the properties that are of use are kept while reading, so pictures and keys cost nothing.
 */
import { addEntry, type Found, type FoundNumber, MAX_ENTRIES, MAX_NUMBERS, UnreadableFile } from "./found";

/** The longest value of use is a note; the rest of a longer one is dropped. */
const MAX_PROPERTY_CHARS = 20_000;
/** Properties of use in one card. */
const MAX_PROPERTIES = 200;

const OF_USE = /^(?:[\w-]{1,40}\.)?(?:FN|N|ORG|TITLE|NICKNAME|NOTE|TEL|VERSION|X-ABLABEL)[;:]/i;
const SOFT_BREAK = /=[ \t]*$/;
const QUOTED_PRINTABLE = /[;=]QUOTED-PRINTABLE(?=[;:])/i;

/** Throws UnreadableFile when there is no card in it at all. */
export function contactsFromVCard(text: string): Found {
  const found: Found = { contacts: [], skipped: [] };
  const seen = new Set<string>();
  let row = 0;
  let more = 0;
  for (const properties of cardsOf(text)) {
    row += 1;
    if (row > MAX_ENTRIES) more += 1;
    else addCard(found, row, properties, seen);
  }
  if (row === 0) {
    throw new UnreadableFile(
      "There is no contact card in this file. Export your contacts as vCard (.vcf) again.",
    );
  }
  if (more > 0) {
    const reason = `not read: one file may hold ${MAX_ENTRIES.toLocaleString("en")} cards`;
    found.skipped.push({ row: MAX_ENTRIES + 1, who: `${more.toLocaleString("en")} more cards`, reason });
  }
  return found;
}

/** The logical lines of use of each card. A card inside another (AGENT) is passed over. */
function* cardsOf(text: string): Generator<string[]> {
  let depth = 0;
  let card: string[] = [];
  for (const line of logicalLines(text)) {
    if (/^BEGIN:VCARD\s*$/i.test(line)) {
      depth += 1;
      if (depth === 1) card = [];
    } else if (depth > 0 && /^END:VCARD\s*$/i.test(line)) {
      depth -= 1;
      if (depth === 0) yield card;
    } else if (depth === 1 && card.length < MAX_PROPERTIES && OF_USE.test(line)) card.push(line);
  }
  // A file that was cut off: what there is of its last card may do.
  if (depth > 0) yield card;
}

/** Lines with their continuations: after a fold (RFC 6350, 3.2) or, quoted-printable, a soft break. */
function* logicalLines(text: string): Generator<string> {
  let line = "";
  let soft = false;
  for (const physical of text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/)) {
    const room = MAX_PROPERTY_CHARS - line.length;
    if (soft) line = line.replace(SOFT_BREAK, "") + physical.slice(0, Math.max(0, room));
    else if (/^[ \t]/.test(physical)) {
      // A note that is folded by an exporter of 2.1 keeps its blank; a number loses nothing by losing it.
      if (room > 0) line += physical.slice(1, 1 + room);
    } else {
      if (line !== "") yield line;
      line = physical.slice(0, MAX_PROPERTY_CHARS);
    }
    soft = SOFT_BREAK.test(physical) && QUOTED_PRINTABLE.test(line) && line.length < MAX_PROPERTY_CHARS;
  }
  if (line !== "") yield line;
}

/** Name and group in small letters, as the types; the value as it is written, but for quoted-printable. */
type Property = { name: string; group: string; types: string[]; preferred: boolean; value: string };

function addCard(found: Found, row: number, lines: string[], seen: Set<string>): void {
  const properties = lines.map(propertyOf).filter((property) => property !== null);
  const values = (name: string) => properties.filter((one) => one.name === name).map((one) => one.value);
  const first = (name: string) => values(name).map(unescaped).find(Boolean);
  const labels = new Map(
    properties
      .filter(({ name, group }) => name === "x-ablabel" && group !== "")
      .map(({ group, value }) => [group, unescaped(value).replace(/^_\$!<(.*)>!\$_$/, "$1")]),
  );
  addEntry(
    found,
    {
      row,
      names: [first("fn"), nameOf(values("n")[0] ?? "")],
      organisation: parts(values("org")[0] ?? "").join(", "),
      title: first("title"),
      nicknames: values("nickname").flatMap((value) => unescaped(value).split(",")),
      notes: values("note").map(unescaped).filter(Boolean).join("\n"),
      numbers: properties
        .filter(({ name, value }) => name === "tel" && value.trim() !== "")
        .slice(0, 2 * MAX_NUMBERS)
        .map((property) => numberOf(property, labels.get(property.group))),
    },
    seen,
  );
}

/** Null when the line is no property: one broken line does not cost the card. */
function propertyOf(line: string): Property | null {
  const [head, value] = headAndValue(line);
  // A semicolon in quotes does not end a parameter.
  const [property = "", ...written] = head.match(/(?:"[^"]*"|[^;])+/g) ?? [];
  const [, group = "", name = ""] = /^(?:(.*)\.)?([\w-]+)$/.exec(property) ?? [];
  const parameters = written.map(parameterOf);
  if (parameters.some(([name]) => name === "")) return null;
  const valuesOf = (wanted: string) => parameters.filter(([name]) => name === wanted).flatMap(([, of]) => of);
  const types = valuesOf("type");
  const quoted = [...types, ...valuesOf("encoding")].includes("quoted-printable");
  return {
    name: name.toLowerCase(),
    group: group.toLowerCase(),
    types,
    preferred: types.includes("pref") || valuesOf("pref").length > 0,
    value: quoted ? unquotedPrintable(value, valuesOf("charset")[0]) : value,
  };
}

/** Its name and values, in small letters. Without a name, as in version 2.1, it is a type. */
function parameterOf(written: string): [string, string[]] {
  const at = written.indexOf("=");
  const values = written
    .slice(at + 1)
    .toLowerCase()
    .replaceAll('"', "")
    .split(",");
  return [at < 0 ? "type" : written.slice(0, at).trim().toLowerCase(), values.map((one) => one.trim())];
}

/** The colon that ends the parameters is the first that is not in quotes. */
function headAndValue(line: string): [string, string] {
  const head = /^(?:"[^"]*"|[^":])*/.exec(line)?.[0] ?? "";
  const end = line[head.length] === ":" ? head.length : line.indexOf(":");
  return end < 0 ? [line, ""] : [line.slice(0, end), line.slice(end + 1)];
}

function unquotedPrintable(value: string, charset = "utf-8"): string {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const [piece, hex] of value.matchAll(/=([0-9a-f]{2})|[^=]+|=/gi)) {
    if (hex === undefined) bytes.push(...encoder.encode(piece));
    else bytes.push(Number.parseInt(hex, 16));
  }
  return decoder(charset).decode(new Uint8Array(bytes));
}

function decoder(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

/** Family; given; additional; prefixes; suffixes (RFC 6350, 6.2.2), as one would say it. */
function nameOf(value: string): string {
  const [family = "", given = "", additional = "", prefix = "", suffix = ""] = parts(value);
  return [prefix, given, additional, family, suffix].filter(Boolean).join(" ");
}

/** What is between the semicolons of a value, without the blanks around it. */
function parts(value: string): string[] {
  let part = "";
  const found: string[] = [];
  for (const [character] of value.matchAll(/\\.|./gs)) {
    if (character !== ";") part += character;
    else {
      found.push(part);
      part = "";
    }
  }
  return [...found, part].map((one) => unescaped(one).trim());
}

function unescaped(value: string): string {
  return value.replace(/\\([\\,;nN])/g, (_, character: string) => (/n/i.test(character) ? "\n" : character));
}

const SILENT = ["fax", "pager", "modem", "bbs", "isdn", "video", "textphone", "pcs"];
/** Said of nearly every number, so they distinguish none. */
const COMMON = ["", "voice", "pref", "internet", "text", "msg", "x-other"];

function numberOf({ types, preferred, value }: Property, label: string | undefined): FoundNumber {
  const silent = types.some((type) => SILENT.includes(type)) && !types.includes("voice");
  const named = label || types.find((type) => !COMMON.includes(type) && !SILENT.includes(type)) || "";
  return { value: unescaped(value), label: named === "cell" ? "mobile" : named, preferred, silent };
}
