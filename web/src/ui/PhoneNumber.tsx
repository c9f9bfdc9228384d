import { cn } from "./cn";
import { spacedNumber } from "./phoneNumbers";

/** A number in E.164, e.g. +14155550123, spaced out for reading. */
export function PhoneNumber({ phone, className }: { phone: string; className?: string }) {
  return <span className={cn("whitespace-nowrap tabular-nums", className)}>{spacedNumber(phone)}</span>;
}
