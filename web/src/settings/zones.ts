/** The time zones that there are to choose from, and how they are found and called. */

export function allZones(): string[] {
  return [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])];
}

/** "America / New York" */
export function zoneName(zone: string): string {
  return zone.replaceAll("_", " ").replaceAll("/", " / ");
}

/** Those that have every word in their name; those that begin with the first of them come first. */
export function findZones(zones: readonly string[], wanted: string, max: number): string[] {
  const words = wanted
    .toLowerCase()
    .split(/[\s/_]+/)
    .filter(Boolean);
  const parts = (zone: string) => zone.toLowerCase().split(/[/_-]/);
  const found = zones.filter((zone) =>
    words.every(
      (word) => parts(zone).some((part) => part.startsWith(word)) || zone.toLowerCase().includes(word),
    ),
  );
  const begins = (zone: string) => (parts(zone).some((part) => part.startsWith(words[0] ?? "")) ? 0 : 1);
  return found.toSorted((a, b) => begins(a) - begins(b) || a.localeCompare(b)).slice(0, max);
}

/** What a clock there shows, e.g. "14:05"; empty for a zone that this browser does not know. */
export function timeIn(zone: string, at: number): string {
  try {
    return new Intl.DateTimeFormat(undefined, { timeZone: zone, timeStyle: "short" }).format(at);
  } catch {
    return "";
  }
}
