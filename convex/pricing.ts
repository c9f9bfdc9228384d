/**
 * What a call cost: its usage by the prices of FLOYD_PRICES, a JSON object of US dollars per unit, e.g.
 * `{"promptTokens": 0.00000015, "speechChars": 0.000015, "seconds": 0.00023}`. Without prices there is no cost.
 */
import { type Infer, v } from "convex/values";
import type { usage } from "./schema";

type Usage = Infer<typeof usage>;
type Unit = keyof Usage;

const UNITS: Unit[] = ["promptTokens", "completionTokens", "speechChars", "recognisedSeconds", "seconds"];

/** `parts`: what each unit with a price has cost. */
export const cost = v.object({
  usd: v.number(),
  parts: v.object({
    promptTokens: v.optional(v.number()),
    completionTokens: v.optional(v.number()),
    speechChars: v.optional(v.number()),
    recognisedSeconds: v.optional(v.number()),
    seconds: v.optional(v.number()),
  }),
});

export type Prices = Partial<Record<Unit, number>>;

/** The prices in a JSON text. What is no price is none: a typing error must not take the page down. */
export function pricesOf(json: string | undefined): Prices {
  const prices: Prices = {};
  for (const [unit, price] of Object.entries(parsed(json))) {
    const known = UNITS.find((one) => one === unit);
    if (known !== undefined && Number.isFinite(price) && price >= 0) prices[known] = price;
  }
  return prices;
}

export function costOf(used: Usage, prices: Prices): Infer<typeof cost> | undefined {
  const parts: Prices = {};
  let usd = 0;
  for (const unit of UNITS) {
    const price = prices[unit];
    if (price === undefined) continue;
    parts[unit] = used[unit] * price;
    usd += used[unit] * price;
  }
  return Object.keys(parts).length === 0 ? undefined : { usd, parts };
}

function parsed(json: string | undefined): object {
  try {
    const value: unknown = JSON.parse(json ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
