/** The settings of calls, as a form has them and as they are stored. */
import type { Doc } from "../api";

export type CallValues = {
  withinHours: boolean;
  /** HH:MM */
  from: string;
  to: string;
  minutes: string;
  /** US dollars; empty: no limit. */
  spend: string;
  record: boolean;
  /** Empty: the one that is set up. */
  voice: string;
};

type Person = Pick<Doc<"users">, "callHours" | "limits" | "voice">;

/** Offered when somebody first wants hours: when shops and offices answer. */
const USUAL = { from: "09:00", to: "18:00" };

export function asForm({ callHours, limits, voice }: Person): CallValues {
  return {
    withinHours: callHours !== undefined,
    ...(callHours ?? USUAL),
    minutes: String(limits.maxCallMinutes),
    spend: limits.maxSpendUsd === undefined ? "" : String(limits.maxSpendUsd),
    record: limits.recordCalls,
    voice: voice ?? "",
  };
}

export type Stored = {
  limits: Doc<"users">["limits"];
  callHours: NonNullable<Doc<"users">["callHours"]> | null;
  voice: string | null;
};

/** What is no number becomes NaN, which the functions refuse by the name of the field. */
export function asStored({ withinHours, from, to, minutes, spend, record, voice }: CallValues): Stored {
  return {
    limits: {
      maxCallMinutes: numberIn(minutes),
      ...(spend.trim() === "" ? {} : { maxSpendUsd: numberIn(spend) }),
      recordCalls: record,
    },
    callHours: withinHours ? { from, to } : null,
    voice: voice.trim() === "" ? null : voice,
  };
}

/** With a comma or a point, as people write it. */
function numberIn(text: string): number {
  const plain = text.trim().replace(",", ".");
  return plain === "" ? Number.NaN : Number(plain);
}
