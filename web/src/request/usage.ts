/** What the calls of a request have used, and what that cost if prices are known. */
import type { Call } from "./show";

type Unit = keyof NonNullable<Call["usage"]>;

/** `amount` as a person reads it, e.g. `1,204` or `2:05`; `usd` only with a price. */
export type UsedUnit = { unit: Unit; name: string; amount: string; usd?: number };
export type Used = { units: UsedUnit[]; usd?: number };

const NAMES: Record<Unit, string> = {
  seconds: "On the line",
  recognisedSeconds: "Speech recognised",
  speechChars: "Characters spoken",
  promptTokens: "Model tokens read",
  completionTokens: "Model tokens written",
};

/** All calls together; null when none has said yet what it used. */
export function usedBy(calls: Call[], locale?: string): Used | null {
  if (!calls.some((call) => call.usage !== undefined)) return null;
  const units = (Object.keys(NAMES) as Unit[]).map((unit): UsedUnit => {
    const total = calls.reduce((sum, call) => sum + (call.usage?.[unit] ?? 0), 0);
    const usd = sumOf(calls.map((call) => call.cost?.parts[unit]));
    return {
      unit,
      name: NAMES[unit],
      amount: amount(unit, total, locale),
      ...(usd !== undefined && { usd }),
    };
  });
  const usd = sumOf(calls.map((call) => call.cost?.usd));
  return { units, ...(usd !== undefined && { usd }) };
}

function amount(unit: Unit, value: number, locale: string | undefined): string {
  if (unit !== "seconds" && unit !== "recognisedSeconds") {
    return new Intl.NumberFormat(locale).format(Math.round(value));
  }
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: value < 60 ? 1 : 0 }).format(value)} s`;
}

function sumOf(values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0);
}

/** A call costs cents: below a tenth of a dollar with the digits that tell calls apart. */
export function dollars(usd: number, locale = "en-US"): string {
  const digits = usd > 0 && usd < 0.1 ? 4 : 2;
  return new Intl.NumberFormat(locale, {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(usd);
}
