/** What Floyd knew for a request, with what of it was told to whom. */

import { lineLabel, type Target } from "./evidence";
import type { Call, Disclosure, Request } from "./show";
import type { Lines } from "./transcript";

type Sharing = NonNullable<Request["context"]>[number]["sharing"];

export type Telling = {
  key: string;
  to: string;
  /** `0:34`, or the line's number while its time is unknown. */
  at: string;
  target: Target;
};

/** `sharing` is absent for what was told without having been chosen beforehand: an answer of the owner's. */
export type Known = { key: string; text: string; sharing?: Sharing; told: Telling[] };

export function knownAndTold(
  context: NonNullable<Request["context"]>,
  disclosures: Disclosure[],
  calls: Call[],
  lines: Lines,
): Known[] {
  const known = new Map<string, Known>();
  for (const { factId, text, sharing } of context) {
    const key = factId ?? text;
    known.set(key, { key, text, sharing, told: [] });
  }
  for (const disclosure of disclosures) {
    const key = [disclosure.factId, disclosure.text].find((name) => name !== undefined && known.has(name));
    const fact = known.get(key ?? disclosure.text) ?? {
      key: disclosure.text,
      text: disclosure.text,
      told: [],
    };
    fact.told.push(telling(disclosure, calls, lines));
    known.set(fact.key, fact);
  }
  return [...known.values()];
}

function telling({ _id, callId, seq, to }: Disclosure, calls: Call[], lines: Lines): Telling {
  const call = calls.find((known) => known._id === callId);
  return { key: _id, to, at: lineLabel(call, seq, lines), target: { callId, seqs: [seq] } };
}
