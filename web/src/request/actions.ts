/** What a person may do with a request, by its status. The functions check the same; here nothing is offered in vain. */
import type { Call, Request } from "./show";

type Status = Request["status"];

export type Action = "edit" | "callAt" | "cancel" | "callAgain";

const OFFERED: Record<Status, readonly Action[]> = {
  pending: ["edit", "callAt", "cancel"],
  inFlight: ["cancel"],
  needsInput: ["edit", "cancel"],
  completed: ["callAgain"],
  failed: ["callAgain"],
  cancelled: ["callAgain"],
};

export function offers(status: Status, action: Action): boolean {
  return OFFERED[status].includes(action);
}

/** The call that is going on. There are never two for one request. */
export function currentCall(calls: Call[]): Call | undefined {
  return calls.find((call) => call.status !== "ended");
}

/** Whether somebody is on the line: only then is there something to hear, and somebody to speak to. */
export function isTalking(call: Call | undefined): call is Call {
  return call?.status === "answered";
}
