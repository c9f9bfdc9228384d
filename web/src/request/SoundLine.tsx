import { Volume2 } from "lucide-react";
import { LevelMeter } from "../audio/LevelMeter";
import type { ListenIn } from "../audio/listen";
import type { Speak } from "../audio/speak";
import { Button } from "../ui/Button";
import { cn } from "../ui/cn";
import type { Call } from "./show";
import { isOn, soundSentence } from "./sound";

/** What is heard, who speaks, and what is wrong with it. */
export function SoundLine({ call, listen, speak }: { call: Call; listen: ListenIn; speak: Speak }) {
  const taken = call.control?.by === "owner";
  const speaking = speak.state !== "off" && (taken || !isOn(speak.state));
  const heard = speaking ? speak : listen;
  const elsewhere = taken && !isOn(speak.state) && speak.problem === null;
  const text = elsewhere
    ? "You have taken over: Floyd is silent"
    : soundSentence(speaking ? "speaking" : "listening", heard.state, heard.problem);
  return (
    <div className={cn("flex min-h-9 items-center gap-2", text === "" ? "sr-only" : "mb-2")}>
      {heard.state === "on" && (
        <LevelMeter sound={speaking ? speak.microphone : heard.stream} className="text-accent-ink" />
      )}
      <p
        role="status"
        className={cn("min-w-0 flex-1 text-sm", heard.state === "failed" && "text-danger-ink")}
      >
        {text}
      </p>
      {heard.state === "blocked" && (
        <Button size="sm" onClick={heard.resume}>
          <Volume2 aria-hidden /> Play sound
        </Button>
      )}
      {elsewhere && (
        <Button size="sm" onClick={() => void speak.start()}>
          Speak here
        </Button>
      )}
      {taken && isOn(speak.state) && (
        <Button size="sm" aria-pressed={speak.muted} onClick={() => speak.setMuted(!speak.muted)}>
          {speak.muted ? "Unmute" : "Mute"}
        </Button>
      )}
    </div>
  );
}
