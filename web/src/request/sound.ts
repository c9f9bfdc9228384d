/** The states of a call's sound, and what is said about them. */
import type { SoundState } from "../audio/callSound";

/** It is heard, or will be without anybody doing anything but perhaps clicking. */
export function isOn(state: SoundState): boolean {
  return state !== "off" && state !== "ended" && state !== "failed";
}

export type Hearing = "listening" | "speaking";

const connected: Record<Hearing, string> = {
  listening: "You hear both voices",
  speaking: "You are on the line: they hear you",
};

/** Nothing is said of sound that is off. */
export function soundSentence(hearing: Hearing, state: SoundState, problem: string | null): string {
  switch (state) {
    case "off":
      return "";
    case "connecting":
      return "Connecting";
    case "on":
      return connected[hearing];
    case "blocked":
      return "Your browser waits for a click before it plays sound";
    case "reconnecting":
      return "The connection was lost; trying again";
    case "ended":
      return "The call is over";
    case "failed":
      return problem ?? "That did not work. Please try again.";
  }
}
