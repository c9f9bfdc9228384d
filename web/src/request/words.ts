/** The words for where a number came from, how a call ended and who speaks. */
import type { Doc } from "../api";

type NumberSource = NonNullable<Doc<"requests">["number"]>["source"];

export const numberSources: Record<NumberSource, string> = {
  request: "given with the request",
  contact: "from your contacts",
  fact: "from what Floyd knows",
  owner: "you told Floyd",
  override: "all calls go to this number here (FLOYD_CALL_OVERRIDE)",
};

/** The carrier's words for how a call ended, until the worker's, which say more, take their place. */
const callEndings: Record<string, string> = {
  goodbye: "Floyd said goodbye",
  calleeHungUp: "they hung up",
  callBack: "Floyd will call back",
  voicemail: "voicemail",
  noAnswer: "nobody answered",
  "no-answer": "nobody answered",
  busy: "busy",
  failed: "could not be connected",
  canceled: "cancelled",
  cancelled: "cancelled",
  completed: "hung up",
  policyBlocked: "this number may not be called",
  dropped: "the line broke",
  silent: "nobody spoke",
  tooLong: "it took too long",
  leaseLost: "its worker was lost",
  drained: "its worker had to stop",
  ownerHungUp: "you hung up",
  error: "something went wrong",
};

/** A reason that is no known word is shown as it is: workers may write a sentence. */
export function callEnding(reason: string | undefined): string {
  if (reason === undefined) return "ended";
  return Object.hasOwn(callEndings, reason) ? (callEndings[reason] ?? reason) : reason;
}

export function speakerName(speaker: Doc<"transcript">["speaker"], calleeName: string | undefined): string {
  switch (speaker) {
    case "floyd":
      return "Floyd";
    case "owner":
      return "You";
    case "callee":
      return calleeName ?? "Callee";
  }
}
