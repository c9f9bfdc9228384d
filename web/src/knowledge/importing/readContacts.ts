/** Contacts out of whatever file a person picks. The parsers are loaded when there is something to parse. */
import { decodeText } from "./decodeText";
import { type Found, UnreadableFile } from "./found";

/** A phone's whole address book with pictures is 30 MB or less. */
const MAX_BYTES = 48 * 1024 * 1024;
/** Without pictures: twenty times an address book of 2,000 entries with long notes. */
const MAX_TABLE_BYTES = 8 * 1024 * 1024;
/** What comes before the first card is a byte order mark, or blank lines. */
const SNIFFED_CHARS = 2_000;

/** Throws UnreadableFile with what is wrong and what to do. */
export async function readContacts(file: Blob): Promise<Found> {
  if (file.size > MAX_BYTES) throw tooLarge(MAX_BYTES);
  const bytes = new Uint8Array(await file.arrayBuffer());
  // Excel's own files are zip archives, Apple's archives too.
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    throw new UnreadableFile(
      "This is a workbook or an archive. Save it as CSV, or export your contacts as vCard.",
    );
  }
  const text = decodeText(bytes);
  // What a file is called says less than how it begins.
  if (/BEGIN:VCARD/i.test(text.slice(0, SNIFFED_CHARS))) {
    const { contactsFromVCard } = await import("./contactsFromVCard");
    return contactsFromVCard(text);
  }
  if (file.size > MAX_TABLE_BYTES) throw tooLarge(MAX_TABLE_BYTES);
  if (text.includes("\0")) {
    throw new UnreadableFile(
      "This is neither a vCard nor a table in text form. Export your contacts as vCard or CSV.",
    );
  }
  const { contactsFromCsv } = await import("./contactsFromCsv");
  return contactsFromCsv(text);
}

export function tooLarge(max: number): UnreadableFile {
  return new UnreadableFile(
    `This file is larger than ${max / 1024 / 1024} MB. Export fewer contacts at once.`,
  );
}
