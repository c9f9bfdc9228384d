/** How it stands with a worker, in one word. */
import type { FunctionReturnType } from "convex/server";
import type { api } from "../api";
import type { Tone } from "../ui/Badge";

export type Worker = FunctionReturnType<typeof api.workers.list>[number];

/** Workers say every 15 seconds that they are there; two are missed at least. */
const SILENT_MS = 45_000;

export type WorkerState = { label: string; tone: Tone; meaning: string };

export function workerState(worker: Worker, now: number): WorkerState {
  const { status, drain, calls } = worker;
  if (status === "stopped")
    return { label: "Stopped", tone: "neutral", meaning: "It has ended, or fell silent." };
  if (now - worker.heartbeatAt > SILENT_MS) {
    const meaning =
      "It has not said that it is there for a while. If it is gone, others take over its requests.";
    return { label: "Silent", tone: "danger", meaning };
  }
  if (status === "draining") {
    return {
      label: "Shutting down",
      tone: "warn",
      meaning: "It brings its calls to an end, and then stops.",
    };
  }
  if (drain) {
    const meaning =
      calls === 0 ? "It takes nothing new." : "It takes nothing new, and brings its calls to an end.";
    return { label: "Drained", tone: "warn", meaning };
  }
  return { label: "Running", tone: "good", meaning: "It takes requests as they come." };
}
