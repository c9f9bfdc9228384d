/**
 * One readable line per event, for the Convex console and `npx convex logs`:
 * `floyd claim request=k17… worker=kitchen attempt=1`.
 *
 * Only ids, states and reasons: never a token, a number or anything a person said. So a value is reduced to
 * the characters of a name; a sentence that strays in becomes unreadable instead of becoming a leak.
 */
export type LogEvent =
  | "claim"
  | "transition"
  | "postponed"
  | "edit"
  | "call-at"
  | "lease-lost"
  | "dial"
  | "hint"
  | "control"
  | "outcome"
  | "session"
  | "worker";

/** Long enough for an id, a worker's name or a reason; too short for a paragraph. */
const MAX_VALUE = 60;

export function log(event: LogEvent, values: Record<string, string | number | undefined>): void {
  const parts = Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${readable(String(value))}`);
  console.log(["floyd", event, ...parts].join(" "));
}

function readable(value: string): string {
  return /^[\w.:@-]+$/.test(value) && value.length <= MAX_VALUE ? value : "(text)";
}
