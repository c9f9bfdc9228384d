/**
 * Which column of a table of contacts is what. Exports differ in their headings: Google ("First Name", "Phone 1 -
 * Value"; before 2024 "Given Name"), Outlook ("Business Phone", and translated), Apple's and phones' own ("Mobile",
 * "Phone : home"), and what people call columns of their own.
 */

export type Columns = {
  full: number[];
  given: number[];
  middle: number[];
  family: number[];
  nickname: number[];
  organisation: number[];
  title: number[];
  notes: number[];
  phones: { at: number; label: string; labelAt?: number; silent: boolean; preferred: boolean }[];
};

type Text = Exclude<keyof Columns, "phones">;

/** English, German, French, Spanish, Portuguese, Italian, Dutch; lower case, letters and digits, single blanks. */
const HEADINGS: Record<Text, string> = {
  full:
    "name|full name|display name|contact|contact name|file as|who|anzeigename|vollständiger name|kontakt|" +
    "nom complet|nom affiché|nombre completo|nombre para mostrar|nome completo|nome visualizzato|volledige naam|naam",
  given: "first name|given name|first|firstname|forename|vorname|prénom|nombre|nome|voornaam",
  middle:
    "middle name|additional name|middle|zweiter vorname|weitere vornamen|deuxième prénom|segundo nombre|tussenvoegsel",
  family:
    "last name|family name|last|lastname|surname|nachname|familienname|nom|nom de famille|apellidos|apellido|sobrenome|cognome|achternaam",
  nickname: "nickname|nick|alias|aliases|also known as|aka|spitzname|surnom|apodo|sobriquet|apelido|bijnaam",
  organisation:
    "company|organization|organisation|organization name|organization 1 name|company name|business|firma|" +
    "unternehmen|société|entreprise|empresa|organización|azienda|società|bedrijf",
  title:
    "job title|organization title|organization 1 title|position|role|beruf|funktion|fonction|cargo|puesto|functie",
  notes:
    "notes|note|comment|comments|remarks|notizen|notiz|bemerkungen|remarques|notas|observaciones|observações|notities",
};

const MEANING = new Map<string, Text>();
for (const [meaning, names] of Object.entries(HEADINGS)) {
  for (const name of names.split("|")) MEANING.set(name, meaning as Text);
}

/** Words, so that "Phonetic First Name" is none. */
const PHONE_WORD =
  /^(phone|phones|telephone|tel|mobile|mobil|cell|cellphone|cellular|iphone|handy|landline|number|telefon|telefonnummer|mobiltelefon|mobilnummer|rufnummer|nummer|festnetz|téléphone|portable|móvil|teléfono|celular|telefone|telefono|cellulare|telefoon|mobiel|gsm)$/;
const FAX_WORD = /^(fax|telefax|pager|telex|isdn|tty|tdd|ttytdd|faxnummer)$/;
/** Beside a number it is what the number is called; alone it is something else. */
const LABEL_WORD = /^(label|type|typ|étiquette|etiqueta)$/;
/** "Number of employees", "Phone verified". */
const OTHER_WORD =
  /^(of|id|count|verified|country|code|government|account|customer|street|house|yomi|phonetic)$/;
/** Outlook's columns say more than that they are phones; these words say nothing. */
const PLAIN_WORD =
  /^(phone|phones|telephone|tel|number|value|telefon|telefonnummer|rufnummer|nummer|téléphone|teléfono|telefone|telefono|telefoon|\d+)$/;

export function normalised(heading: string): string {
  return heading
    .slice(0, 200)
    .normalize("NFC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** The columns that this row of headings names, or null when it is no row of headings. */
export function columnsOf(row: readonly string[]): Columns | null {
  const columns = none();
  const headings = row.map(normalised);
  for (const [at, heading] of headings.entries()) {
    const meaning = MEANING.get(heading);
    if (meaning !== undefined) columns[meaning].push(at);
    else addPhone(columns, at, heading, headings);
  }
  const named =
    columns.full.length + columns.given.length + columns.family.length + columns.organisation.length;
  return columns.phones.length > 0 || named > 0 ? columns : null;
}

function addPhone(columns: Columns, at: number, heading: string, headings: string[]): void {
  const words = heading.split(" ");
  const fax = words.some((word) => FAX_WORD.test(word));
  if (!fax && !words.some((word) => PHONE_WORD.test(word))) return;
  if (words.some((word) => LABEL_WORD.test(word) || OTHER_WORD.test(word))) return;
  const label = words.filter((word) => !PLAIN_WORD.test(word)).join(" ");
  // Google: "Phone 1 - Label" (before 2024 "Phone 1 - Type") beside "Phone 1 - Value".
  const beside = /^phone (\d+) value$/.exec(heading)?.[1];
  const labelAt =
    beside === undefined
      ? -1
      : headings.findIndex((one) => one === `phone ${beside} label` || one === `phone ${beside} type`);
  columns.phones.push({
    at,
    label: { business: "work", "company main": "company" }[label] ?? label,
    ...(labelAt < 0 ? {} : { labelAt }),
    silent: fax,
    preferred: words.includes("primary"),
  });
}

/** A table without headings: the column with most numbers, and the first other one with words in it. */
export function columnsByContent(rows: readonly (readonly string[])[]): Columns | null {
  const width = Math.min(20, Math.max(0, ...rows.map((row) => row.length)));
  const score = (test: (cell: string) => boolean) =>
    Array.from({ length: width }, (_, at) => rows.filter((row) => test(row[at] ?? "")).length);
  const numbers = score(looksLikePhone);
  const words = score((cell) => /\p{L}{2}/u.test(cell) && !cell.includes("@"));
  const phone = numbers.indexOf(Math.max(...numbers));
  const name = words.findIndex((count, at) => at !== phone && 2 * count >= rows.length);
  if (rows.length === 0 || name < 0 || 2 * (numbers[phone] ?? 0) < rows.length) return null;
  const columns = none();
  columns.full.push(name);
  columns.phones.push({ at: phone, label: "", silent: false, preferred: false });
  return columns;
}

/** Seven digits or more, and little else. */
export function looksLikePhone(cell: string): boolean {
  const digits = cell.replace(/\D/g, "").length;
  return digits >= 7 && digits <= 20 && /^["'=\s]*\+?[\d\s().\-/–]+["'\s]*$/.test(cell);
}

function none(): Columns {
  return {
    full: [],
    given: [],
    middle: [],
    family: [],
    nickname: [],
    organisation: [],
    title: [],
    notes: [],
    phones: [],
  };
}
