/** When a request may be called: not before its time, and within its owner's call hours. */
import type { Doc } from "./_generated/dataModel";
import { nextWithin } from "./callHours";

/** From the claim to the dial: choosing facts, planning and finding the number take some seconds, rarely more. */
const PREPARING_MS = 60_000;

/** Whether a call may be dialled at this moment, for all that hours have to do with it. */
export function mayDialNow(user: Hours, anyHour: boolean | undefined): boolean {
  const now = Date.now();
  return (
    user.callHours === undefined || anyHour === true || nextWithin(now, user.callHours, user.timezone) === now
  );
}

type Hours = Pick<Doc<"users">, "callHours" | "timezone">;
export type Due = Pick<Doc<"requests">, "notBefore" | "movedFrom" | "anyHour">;

/** What to write for a request that is wanted from `wanted` on. `anyHour`: the owner has chosen the moment. */
export function due(user: Hours, wanted: number, anyHour: boolean | undefined): Due {
  const asWanted = { notBefore: wanted, movedFrom: undefined, anyHour };
  if (user.callHours === undefined || anyHour) return asWanted;
  const earliest = Math.max(wanted, Date.now());
  const within = nextWithin(earliest, user.callHours, user.timezone, PREPARING_MS);
  return within === earliest ? asWanted : { notBefore: within, movedFrom: wanted, anyHour };
}
