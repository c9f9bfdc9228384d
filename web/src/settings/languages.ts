/** The languages that calls can be held in (BCP-47), as far as recognisers and voices have them in common. */
const LANGUAGES = [
  "en-US",
  "en-GB",
  "en-AU",
  "de-DE",
  "es-ES",
  "es-US",
  "fr-FR",
  "fr-CA",
  "it-IT",
  "ja-JP",
  "nl-NL",
  "pl-PL",
  "pt-BR",
  "sv-SE",
  "tr-TR",
];

/** By name in the reader's language. One that was set elsewhere is kept. */
export function languageChoices(stored: string): { value: string; label: string }[] {
  const names = new Intl.DisplayNames(undefined, { type: "language", languageDisplay: "standard" });
  const values = stored === "" || LANGUAGES.includes(stored) ? LANGUAGES : [stored, ...LANGUAGES];
  return values
    .map((value) => ({ value, label: nameOf(names, value) }))
    .toSorted((a, b) => a.label.localeCompare(b.label));
}

function nameOf(names: Intl.DisplayNames, tag: string): string {
  try {
    return names.of(tag) ?? tag;
  } catch {
    return tag;
  }
}
