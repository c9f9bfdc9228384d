/** Links from what Floyd reports to the lines that support it. A link is a fragment, so it can be kept and shared. */
import type { Call, Request } from "./show";
import { runningClock } from "./times";
import { type Lines, lineKey } from "./transcript";

export type Reported = NonNullable<Request["outcome"]>["reported"][number];

/** `seqs[0]` is scrolled to; all are highlighted. */
export type Target = { callId: string; seqs: number[] };

export type Support = {
  key: string;
  /** `0:12`, or `call 2, 0:12` when there was more than one. */
  label: string;
  target: Target;
};

/** Nothing for what is unconfirmed. */
export function supportOf(fact: Reported, calls: Call[], lines: Lines): Support[] {
  const call = calls.find(({ _id }) => _id === fact.callId) ?? calls.at(-1);
  if (!fact.confirmed || call === undefined) return [];
  return [...fact.lines]
    .sort((a, b) => a - b)
    .map((seq) => ({
      key: lineKey(call._id, seq),
      label: `${calls.length > 1 ? `call ${call.attempt}, ` : ""}${lineLabel(call, seq, lines)}`,
      target: { callId: call._id, seqs: [seq, ...fact.lines.filter((other) => other !== seq)] },
    }));
}

/** When the line was spoken; its number, counted from 1, if that is not known. */
export function lineLabel(call: Call | undefined, seq: number, lines: Lines): string {
  const line = call && lines.get(call._id)?.find((known) => known.seq === seq);
  if (line === undefined || call?.answeredAt === undefined) return `line ${seq + 1}`;
  return runningClock(line.startedAt - call.answeredAt);
}

const PREFIX = "#lines=";

export function linesFragment({ callId, seqs }: Target): string {
  return `${PREFIX}${callId}:${seqs.join(",")}`;
}

/** What a fragment points at; null if it is not of this kind or is damaged. */
export function targetOf(fragment: string): Target | null {
  if (!fragment.startsWith(PREFIX)) return null;
  const match = /^([a-z0-9]+):(\d{1,6}(?:,\d{1,6})*)$/.exec(fragment.slice(PREFIX.length));
  if (match?.[1] === undefined || match[2] === undefined) return null;
  return { callId: match[1], seqs: match[2].split(",").map(Number) };
}
