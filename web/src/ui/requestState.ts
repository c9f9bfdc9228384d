/** What a request's state is called, and how it is coloured, wherever it is shown. */
import type { Doc } from "../api";
import type { Tone } from "./Badge";

type Request = Doc<"requests">;
export type Stage = NonNullable<Request["stage"]>;
export type OutcomeKind = NonNullable<Request["outcome"]>["kind"];
export type RequestState = {
  label: string;
  tone: Tone /** Something is going on right now. */;
  live: boolean;
};

export const stageLabels: Record<Stage, string> = {
  gatheringContext: "Getting ready",
  planning: "Planning",
  findingNumber: "Finding the number",
  dialing: "Dialling",
  ringing: "Ringing",
  talking: "Talking",
  onHold: "On hold",
  wrappingUp: "Wrapping up",
};

export const outcomeLabels: Record<OutcomeKind, string> = {
  done: "Done",
  declined: "Declined",
  noAnswer: "No answer",
  busy: "Busy",
  voicemailLeft: "Voicemail left",
  wrongNumber: "Wrong number",
  needsInput: "Needs you",
  refusedAutomated: "Would not talk to an AI",
  policyBlocked: "Not allowed",
  interrupted: "Broken off",
  error: "Something went wrong",
};

export type Stated = Pick<Request, "status" | "stage" | "notBefore" | "outcome">;

/** `now` decides whether one that waits is due. */
export function requestState(request: Stated, now: number): RequestState {
  switch (request.status) {
    case "pending":
      return { label: request.notBefore > now ? "Scheduled" : "Waiting", tone: "neutral", live: false };
    case "inFlight": {
      const talking = request.stage === "talking" || request.stage === "onHold";
      const label = request.stage === undefined ? "Starting" : stageLabels[request.stage];
      return { label, tone: talking ? "accent" : "info", live: true };
    }
    case "needsInput":
      return { label: "Needs you", tone: "warn", live: false };
    case "completed": {
      const kind = request.outcome?.kind ?? "done";
      return { label: outcomeLabels[kind], tone: kind === "done" ? "good" : "neutral", live: false };
    }
    case "failed": {
      const kind = request.outcome?.kind;
      const label = kind === undefined || kind === "done" ? "Not done" : outcomeLabels[kind];
      return { label: kind === "needsInput" ? "Not answered" : label, tone: "danger", live: false };
    }
    case "cancelled":
      return { label: "Cancelled", tone: "neutral", live: false };
  }
}
