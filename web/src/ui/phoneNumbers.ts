/** Phone numbers as people read them. The deployment checks numbers; here they are only shown. */

/** Country calling codes of two digits (ITU-T E.164); 1 and 7 have one digit, all others have three. */
const TWO_DIGIT_CODES =
  "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 " +
  "81 82 84 86 90 91 92 93 94 95 98";
const twoDigitCodes = new Set(TWO_DIGIT_CODES.split(" "));

/** "+14155550123" is "+1 415 555 0123", others are in groups of three; what is not E.164 stays as it is. */
export function spacedNumber(phone: string): string {
  if (!/^\+[1-9]\d{6,14}$/.test(phone)) return phone;
  const digits = phone.slice(1);
  if (/^1\d{10}$/.test(digits)) return `+1 ${digits.slice(1, 4)} ${digits.slice(4, 7)} ${digits.slice(7)}`;
  const code = /^[17]/.test(digits)
    ? digits.slice(0, 1)
    : digits.slice(0, twoDigitCodes.has(digits.slice(0, 2)) ? 2 : 3);
  return `+${code} ${groupsOfThree(digits.slice(code.length))}`;
}

/** The last group has two to four digits: nobody reads out a single one. */
function groupsOfThree(digits: string): string {
  return digits.replace(/(\d{3})(?=\d{2,})/g, "$1 ");
}
