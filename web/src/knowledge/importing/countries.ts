/** The country that numbers without a country code are from. */

export type Country = { country: string; code: string };

/** "Germany (+49)", in the browser's language and order. */
export function named(
  all: readonly Country[],
  languages: readonly string[],
): { value: string; label: string }[] {
  const names = new Intl.DisplayNames([...languages], { type: "region", fallback: "code" });
  return all
    .map(({ country, code }) => ({ value: country, label: `${names.of(country) ?? country} (+${code})` }))
    .toSorted((a, b) => a.label.localeCompare(b.label, languages[0]));
}

/** The person's own by their phone, else that of the browser's language, if it names one ("de-AT"). */
export function likely(
  own: string | undefined,
  languages: readonly string[],
  all: readonly Country[],
): string {
  const regions = languages.map((language) => new Intl.Locale(language).region);
  return [own, ...regions].find((region) => all.some(({ country }) => country === region)) ?? "";
}
