/** Where a request is on its way: a line of a few steps, and one sentence. Pure; `now` is given. */
import { dateAndTime } from "../ui/moments";
import { requestState, type Stage, stageLabels } from "../ui/requestState";
import type { Call, Request } from "./show";

/** `stopped`: it came this far and no further. */
export type StepState = "done" | "now" | "ahead" | "stopped";
export type Step = { name: string; state: StepState };

const STEPS = ["Prepare", "Ring", "Talk", "Outcome"] as const;

/** The step that each stage belongs to, as its place in `STEPS`. */
const STEP_OF: Record<Stage, number> = {
  gatheringContext: 0,
  planning: 0,
  findingNumber: 0,
  dialing: 1,
  ringing: 1,
  talking: 2,
  onHold: 2,
  wrappingUp: 3,
};

export type Progress = {
  steps: Step[];
  /** Changes only when something has happened, so that it can be read aloud. */
  sentence: string;
  /** Since when they have been talking; the page shows a running clock. */
  talkingSince?: number;
  /** When it will be called; the page counts down to it. */
  callsAt?: number;
};

export function progressOf(request: Request, calls: Call[], now: number): Progress {
  const call = calls.at(-1);
  const who = request.number?.name ?? request.number?.phone ?? request.toNumber;
  switch (request.status) {
    case "pending": {
      const later = request.notBefore > now;
      const calls = request.attempts > 0 ? "Calls again" : "Calls";
      const sentence = later ? `${calls} at ${dateAndTime(request.notBefore)}` : "Waiting for a free line";
      return {
        steps: upTo(0, "ahead"),
        sentence,
        ...(later && { callsAt: request.notBefore }),
      };
    }
    case "inFlight": {
      const stage = request.stage ?? "gatheringContext";
      const talking = (stage === "talking" || stage === "onHold") && call?.status === "answered";
      return {
        steps: upTo(STEP_OF[stage], "now"),
        sentence: withWhom(stage, who),
        ...(talking && call.answeredAt !== undefined && { talkingSince: call.answeredAt }),
      };
    }
    case "needsInput":
      return {
        steps: upTo(reached(call), "stopped"),
        sentence: "Floyd needs an answer from you",
      };
    case "completed":
    case "failed":
    case "cancelled": {
      const steps =
        request.status === "completed" ? upTo(STEPS.length, "done") : upTo(reached(call), "stopped");
      return { steps, sentence: requestState(request, now).label };
    }
  }
}

function upTo(current: number, state: StepState): Step[] {
  return STEPS.map((name, at) => ({ name, state: at < current ? "done" : at === current ? state : "ahead" }));
}

/** How far the last call came. */
function reached(call: Call | undefined): number {
  if (call === undefined) return 0;
  return call.answeredAt === undefined ? 1 : 2;
}

function withWhom(stage: Stage, who: string | undefined): string {
  if (who === undefined) return stageLabels[stage];
  switch (stage) {
    case "dialing":
    case "ringing":
      return `${stageLabels[stage]}: ${who}`;
    case "talking":
      return `Talking with ${who}`;
    case "onHold":
      return `On hold with ${who}`;
    default:
      return stageLabels[stage];
  }
}
