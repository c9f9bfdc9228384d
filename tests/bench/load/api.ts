/** References to the functions in `app`. */
import { makeFunctionReference } from "convex/server";

export const send = makeFunctionReference<"mutation", { channel: string; body: string }, string>(
  "messages:send",
);
export const latest = makeFunctionReference<"query", { channel: string; viewer?: number }, string[]>(
  "messages:latest",
);
export const seed = makeFunctionReference<"mutation", { size: string; from: number; count: number }, null>(
  "rows:seed",
);
export const inGroup = makeFunctionReference<"query", { size: string; group: number }, { text: string }[]>(
  "rows:inGroup",
);
