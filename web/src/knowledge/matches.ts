type Searched = { name: string; phone: string; aliases: string[]; notes?: string | undefined };

/** Every word is somewhere in it; a number is found however it is written. */
export function matches({ name, phone, aliases, notes = "" }: Searched, wanted: string): boolean {
  const digits = wanted.replace(/\D/g, "");
  if (digits.length > 2 && /^[\d\s()+./-]+$/.test(wanted)) return phone.replace(/\D/g, "").includes(digits);
  const text = [name, ...aliases, notes].join(" ").toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
