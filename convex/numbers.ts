/**
 * Which telephone numbers Floyd may call: a pure decision with a reason. It is asked when a number comes in
 * and again right before each dial.
 *
 * Numbers are E.164 (ITU-T): "+", country calling code, at most 15 digits. Types come from Google's
 * libphonenumber metadata; the "max" set is needed for them (it makes the bundle 75 kB larger than "min", which
 * knows lengths only). A number has to be possible, not assigned: ranges reserved for fiction are not assigned,
 * and the metadata lags behind.
 */
import {
  getCountries,
  getCountryCallingCode,
  isSupportedCountry,
  type NumberType,
  parsePhoneNumberFromString,
} from "libphonenumber-js/max";
import { fail } from "./errors";

export type NumberReason =
  | "format"
  | "emergency"
  | "short"
  | "service"
  | "premium"
  | "personal"
  | "satellite"
  | "own"
  | "suppressed";

export type NumberVerdict =
  | { allowed: true; phone: string }
  | { allowed: false; reason: NumberReason; message: string };

/** What people dial for police, fire and ambulance in one country or another. None is ever a subscriber's number. */
const EMERGENCY = new Set(
  (
    "000 062 065 066 100 101 102 103 104 107 108 110 111 112 113 115 117 118 119 120 122 123 " +
    "131 132 133 144 155 158 180 190 191 192 193 194 195 196 197 198 199 911 933 988 991 992 993 994 995 997 998 999"
  ).split(" "),
);

/** North American service codes: information, traffic, relay and so on. */
const SERVICE_CODES = new Set("211 311 411 511 611 711 811".split(" "));

/** The shortest geographic numbers (Niue, Saint Helena) have 4 digits after the calling code, most have 7 or more. */
const SHORTEST_NATIONAL = 4;
const SHORTEST_INTERNATIONAL = 7;

const NANP = "1";
/** North American area code and exchange start with 2 to 9 and are no N11 code. */
const NANP_NUMBER = /^[2-9](?!11)\d{2}[2-9](?!11)\d{2}\d{4}$/;
/** Pay-per-call exchange in any North American area code; the metadata has only the area code 900. */
const NANP_PREMIUM_EXCHANGE = /^\d{3}976/;

/** Global calling codes without a country: satellite, maritime and other networks at several dollars a minute. */
const SATELLITE_AND_GLOBAL = new Set(["870", "878", "881", "882", "883", "888"]);

const BLOCKED_TYPES: Partial<Record<NonNullable<NumberType>, NumberReason>> = {
  PREMIUM_RATE: "premium",
  // Follow-me numbers: the caller pays, and the rate is not visible from the number.
  PERSONAL_NUMBER: "personal",
  PAGER: "service",
  VOICEMAIL: "service",
};

const MESSAGES: Record<NumberReason, string> = {
  format: "is not a telephone number: write it as E.164, with + and the country code, e.g. +14155550134",
  emergency: "is an emergency number. Floyd never calls one: if somebody is in danger, call it yourself, now",
  short: "is a short code, which works only inside one network: give the full number, e.g. +14155550134",
  service: "is a service number, not a subscriber's: give the number of the person or business",
  premium: "is a premium-rate number, which Floyd never calls: give an ordinary number",
  personal: "is a personal (follow-me) number at an unknown rate: give an ordinary number",
  satellite: "is on a satellite or global network, which Floyd never calls: give an ordinary number",
  own: "is your own number or Floyd's: give the number of whom you want called",
  suppressed: "is on the list of numbers that asked not to be called",
};

/**
 * May this number be called? `own`: numbers that may not because they are the caller's or the person's.
 * Spaces, dots, hyphens and parentheses are ignored; anything else that is no digit is refused.
 */
export function judgeNumber(raw: string, own: readonly string[] = []): NumberVerdict {
  const compact = raw.trim().replace(/[\s().-]/g, "");
  const digits = compact.replace(/^\+/, "");
  if (!/^\d+$/.test(digits)) return refuse("format");
  if (EMERGENCY.has(digits)) return refuse("emergency");
  if (SERVICE_CODES.has(digits)) return refuse("service");
  if (digits.length < SHORTEST_INTERNATIONAL && !compact.startsWith("+")) return refuse("short");
  if (!compact.startsWith("+")) return refuse("format");
  const parsed = parsePhoneNumberFromString(compact);
  if (parsed === undefined) return refuse("format");
  const national = parsed.nationalNumber;
  const code = parsed.countryCallingCode;
  if (EMERGENCY.has(national)) return refuse("emergency");
  if (code === NANP && SERVICE_CODES.has(national)) return refuse("service");
  if (SATELLITE_AND_GLOBAL.has(code)) return refuse("satellite");
  if (national.length < SHORTEST_NATIONAL) return refuse("short");
  if (!parsed.isPossible()) return refuse("format");
  if (code === NANP && !NANP_NUMBER.test(national)) return refuse("format");
  if (code === NANP && NANP_PREMIUM_EXCHANGE.test(national)) return refuse("premium");
  const type = parsed.getType();
  const blocked = type && BLOCKED_TYPES[type];
  if (blocked) return refuse(blocked);
  if (own.includes(parsed.number)) return refuse("own");
  return { allowed: true, phone: parsed.number };
}

/** The number in E.164, or the error for `field`: BAD_INPUT when it is none, POLICY_BLOCKED when not allowed. */
export function callableNumber(field: string, raw: string, own: readonly string[] = []): string {
  const verdict = judgeNumber(raw, own);
  if (verdict.allowed) return verdict.phone;
  fail(
    verdict.reason === "format" ? "BAD_INPUT" : "POLICY_BLOCKED",
    `\`${field}\` ${verdict.message}`,
    field,
  );
}

/**
 * A number as it is written inside `country` (ISO 3166, two letters), in E.164; one that is written for abroad, or
 * that this country has no such numbers of, stays as it is. Whether it may be called is `judgeNumber`'s to say.
 */
export function international(raw: string, country: string): string {
  if (!isSupportedCountry(country)) {
    fail("BAD_INPUT", "`country` must be a code of ISO 3166 with two capital letters, e.g. DE", "country");
  }
  const digits = raw.replace(/\D/g, "");
  // Emergency and service numbers are short in every country, and stay what they are.
  if (raw.trim().startsWith("+") || digits.length < SHORTEST_INTERNATIONAL) return raw;
  const parsed = parsePhoneNumberFromString(raw, country);
  return parsed?.isPossible() ? parsed.number : raw;
}

/** Where a number in E.164 is from: ISO 3166, two letters. Undefined for what has no country, e.g. satellites. */
export function countryOf(phone: string): string | undefined {
  return parsePhoneNumberFromString(phone)?.country;
}

/** Every country whose numbers are known, with its calling code: "DE", "49". */
export function callingCodes(): { country: string; code: string }[] {
  return getCountries().map((country) => ({ country, code: getCountryCallingCode(country) }));
}

/** Floyd's own numbers, which it never calls: FLOYD_OWN_NUMBERS, separated by commas. */
export function floydNumbers(): string[] {
  return (process.env.FLOYD_OWN_NUMBERS ?? "")
    .split(",")
    .map((number) => number.replace(/[\s().-]/g, ""))
    .filter((number) => number !== "");
}

/** `message` continues "`field` …"; it does not repeat the number, because errors end up in logs. */
export function refuse(reason: NumberReason): { allowed: false; reason: NumberReason; message: string } {
  return { allowed: false, reason, message: MESSAGES[reason] };
}
