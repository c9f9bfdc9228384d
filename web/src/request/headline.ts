/** About two lines of a heading on a phone. */
const MAX_CHARS = 110;

/** A request as a heading: its first line, cut between words when it is long. */
export function headline(text: string): string {
  const [first = ""] = text.trim().split("\n", 1);
  if (first.length <= MAX_CHARS) return first === text.trim() ? text : `${first} …`;
  const end = first.lastIndexOf(" ", MAX_CHARS);
  return `${first.slice(0, end > MAX_CHARS / 2 ? end : MAX_CHARS)} …`;
}
