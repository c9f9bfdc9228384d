/** Contacts from a table: Google's, Outlook's and Apple's exports, and tables that people keep themselves. */
import Papa from "papaparse";
import { type Columns, columnsByContent, columnsOf, looksLikePhone } from "./csvColumns";
import { addEntry, type Found, type FoundNumber, MAX_ENTRIES, MAX_NUMBERS, UnreadableFile } from "./found";

/** Google's export has about 50 columns, Outlook's about 90. */
const MAX_COLUMNS = 300;
/** Titles, dates and blank rows that people put above the headings. */
const HEADINGS_WITHIN = 10;
/** Enough to see what a column holds. */
const SAMPLE_ROWS = 50;
/** Google puts several values into one cell with it. */
const SEVERAL = /\s*:::\s*/;

/** Throws UnreadableFile when there are no numbers in it, or nothing that names who has them. */
export function contactsFromCsv(text: string): Found {
  const { separator, body, above } = withoutSeparatorLine(text);
  const { data, errors } = Papa.parse<string[]>(body, {
    delimiter: separator || separatorOf(body),
    // The headings, whatever stands above them, and one row to know that there are more.
    preview: MAX_ENTRIES + HEADINGS_WITHIN + 1,
  });
  const rows = data.map((cells) => cells.slice(0, MAX_COLUMNS).map(unguarded));
  const { columns, first } = columnsIn(rows);
  const found: Found = { contacts: [], skipped: [] };
  const seen = new Set<string>();
  const broken = new Map(
    errors.filter(({ type }) => type === "Quotes").map(({ row, message }) => [row ?? -1, message]),
  );
  let entries = 0;
  for (const [at, cells] of rows.entries()) {
    if (at < first || cells.every((cell) => cell.trim() === "")) continue;
    const row = at + 1 + above;
    entries += 1;
    if (entries > MAX_ENTRIES) {
      const reason = `not read: one file may hold ${MAX_ENTRIES.toLocaleString("en")} rows`;
      found.skipped.push({ row, who: `Row ${row.toLocaleString("en")} and what follows`, reason });
      break;
    }
    if (broken.has(at)) {
      const who = cells.find((cell) => cell.trim() !== "")?.slice(0, 60) ?? "A row";
      found.skipped.push({ row, who, reason: "has a quotation mark that is not closed, or text behind one" });
      continue;
    }
    addRow(found, row, cells, columns, seen);
  }
  return found;
}

function addRow(found: Found, row: number, cells: string[], columns: Columns, seen: Set<string>): void {
  const get = (places: number[]) =>
    places.map((at) => (cells[at] ?? "").trim()).find((cell) => cell !== "") ?? "";
  const numbers: FoundNumber[] = [];
  for (const { at, label, labelAt, silent, preferred } of columns.phones) {
    const called = labelAt === undefined ? label : (cells[labelAt] ?? "").trim();
    for (const value of (cells[at] ?? "").split(SEVERAL)) {
      if (value.trim() === "" || numbers.length > 2 * MAX_NUMBERS) continue;
      numbers.push({
        value,
        // Google marks the main one with an asterisk.
        label: called.replace(/^\*\s*/, ""),
        preferred: preferred || called.startsWith("*"),
        silent: silent || /fax|pager/i.test(called),
      });
    }
  }
  const damaged = numbers.filter(({ value }) => /^[\d.,]+E\+?\d+$/i.test(value.trim()));
  for (const { value } of damaged) {
    const reason = `“${value.trim()}” was a number before a spreadsheet shortened it: keep that column as text`;
    found.skipped.push({
      row,
      who: get(columns.full) || get(columns.given) || get(columns.organisation),
      reason,
    });
  }
  const sound = numbers.filter((number) => !damaged.includes(number));
  if (sound.length === 0 && damaged.length > 0) return;
  addEntry(
    found,
    {
      row,
      names: [nameOf(get(columns.full), get(columns.given), get(columns.middle), get(columns.family))],
      organisation: get(columns.organisation),
      title: get(columns.title),
      nicknames: get(columns.nickname).split(/:::|[;,]/),
      notes: get(columns.notes),
      numbers: sound,
    },
    seen,
  );
}

/** "Name" is the whole name in one table and the family name in the next, beside "Vorname". */
function nameOf(full: string, given: string, middle: string, family: string): string {
  if (full !== "" && (family !== "" || full.includes(given))) return full;
  return [given, middle, family || full].filter((part) => part !== "").join(" ");
}

function columnsIn(rows: string[][]): { columns: Columns; first: number } {
  const nameless: string[][] = [];
  for (const [at, row] of rows.slice(0, HEADINGS_WITHIN).entries()) {
    if (row.some(looksLikePhone)) break;
    const columns = columnsOf(row);
    if (columns === null) continue;
    const named = [
      columns.full,
      columns.given,
      columns.family,
      columns.organisation,
      columns.nickname,
    ].flat();
    if (columns.phones.length > 0 && named.length > 0) return { columns, first: at + 1 };
    nameless.push(row);
  }
  const filled = rows.filter((row) => row.some((cell) => cell.trim() !== ""));
  const columns = columnsByContent(filled.slice(0, SAMPLE_ROWS));
  if (columns !== null) {
    const start = rows.findIndex((row) => looksLikePhone(row[columns.phones[0]?.at ?? 0] ?? ""));
    return { columns, first: Math.max(0, start) };
  }
  const headings = (nameless[0] ?? filled[0] ?? []).filter((cell) => cell.trim() !== "").slice(0, 8);
  const seen =
    headings.length === 0 ? "The table is empty." : `Its columns are: ${headings.join(", ").slice(0, 200)}.`;
  throw new UnreadableFile(
    `This table has no column of names beside one of phone numbers. ${seen} Call two of them “Name” and “Phone”.`,
  );
}

/**
 * The separator that cuts most rows into two or more cells, into as many as most others. (Papa Parse's own guess
 * takes a table of two columns for one of one when it ends with a line break.)
 */
function separatorOf(body: string): string {
  const agreeing = (delimiter: string) => {
    const { data } = Papa.parse<string[]>(body, { delimiter, preview: SAMPLE_ROWS });
    const widths = new Map<number, number>();
    for (const { length } of data) if (length > 1) widths.set(length, (widths.get(length) ?? 0) + 1);
    return Math.max(0, ...widths.values());
  };
  const [best = ","] = [",", ";", "\t", "|"]
    .map((delimiter) => ({ delimiter, rows: agreeing(delimiter) }))
    .toSorted((a, b) => b.rows - a.rows)
    .map(({ delimiter }) => delimiter);
  return best;
}

/** Excel's first line `sep=;` says how the rest is separated. */
function withoutSeparatorLine(text: string): { separator: string; body: string; above: number } {
  const [line, separator = ""] = /^\ufeff?"?sep=([,;|\t])"?[ \t]*(?:\r\n|\r|\n)/i.exec(text) ?? [];
  if (line === undefined) return { separator: "", body: text.replace(/^\ufeff/, ""), above: 0 };
  return { separator, body: text.slice(line.length), above: 1 };
}

/** `="0123"` and `'0123` keep a spreadsheet from taking a number for a number. */
function unguarded(cell: string): string {
  return cell.replace(/^\s*="(.*)"\s*$/s, "$1").replace(/^\s*'(?=[+\d(])/, "");
}
