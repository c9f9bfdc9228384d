import { Grip, Mic, MicOff, PhoneOff, Volume2 } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import { LevelMeter } from "../audio/LevelMeter";
import { useConfig } from "../config";
import { runningClock } from "../request/times";
import { useSeconds } from "../request/useSeconds";
import { Button } from "../ui/Button";
import { AlsoRings } from "./AlsoRings";
import { Captions } from "./Captions";
import { Keypad } from "./Keypad";
import { type PhoneState, phone, type Ringing } from "./phone";
import { TypedReply } from "./TypedReply";
import { calleeOf } from "./usePhone";

type Up = Extract<PhoneState, { kind: "up" }>;

/** A call that was picked up: what Floyd says, and everything that whoever is called can do. */
export function OnThePhone({ state, second }: { state: Up; second: Ringing | undefined }) {
  const keypad = useId();
  const [keys, setKeys] = useState(false);
  const { call, muted, problem, stage } = state;
  const heading = useRef<HTMLHeadingElement>(null);
  // The button that picked it up is gone. Whoever types is in the text field by now.
  const speaking = useRef(!muted);
  useEffect(() => {
    if (speaking.current) heading.current?.focus();
  }, []);
  return (
    <section
      aria-label="On the phone"
      className="flex flex-col gap-4 rounded-card border border-line bg-surface p-4 sm:p-5"
    >
      <header className="flex items-center gap-3">
        <div className="min-w-0 flex-1">
          <p className="text-muted text-sm">You play</p>
          <h2 ref={heading} tabIndex={-1} className="truncate font-semibold text-lg outline-none">
            {calleeOf(call)}
          </h2>
        </div>
        <LevelMeter sound={state.sound} className="text-accent-ink" />
        <Elapsed state={state} />
      </header>
      <AlsoRings call={second} />
      <p className="text-sm">
        <span className="text-muted">What for: </span>
        {call.requestText}
      </p>
      {state.blocked && (
        <Button variant="primary" onClick={() => void phone.hear()}>
          <Volume2 aria-hidden /> Let me hear Floyd
        </Button>
      )}
      <Captions call={call} typed={state.typed} />
      <TypedReply ending={stage === "ending"} focused={muted} />
      <StandInListens muted={muted} />
      {problem !== null && (
        <p role="alert" className="rounded-control bg-warn-soft px-3 py-2 text-sm text-warn-ink">
          {problem}
        </p>
      )}
      <div className="grid grid-cols-3 gap-2">
        <Button className="px-2" onClick={() => (muted ? void phone.unmute() : phone.mute())}>
          {muted ? <MicOff aria-hidden /> : <Mic aria-hidden />}
          {muted ? "Speak" : "Mute"}
        </Button>
        <Button
          className="px-2"
          aria-expanded={keys}
          aria-controls={keypad}
          disabled={stage !== "talking"}
          onClick={() => setKeys(!keys)}
        >
          <Grip aria-hidden /> Keypad
        </Button>
        <Button
          variant="danger"
          className="px-2"
          disabled={stage === "ending"}
          onClick={() => phone.hangUp()}
        >
          <PhoneOff aria-hidden /> Hang up
        </Button>
      </div>
      <div id={keypad} hidden={!keys}>
        <Keypad />
      </div>
    </section>
  );
}

function Elapsed({ state }: { state: Up }) {
  const now = useSeconds(state.since !== null);
  return (
    <p className="text-muted tabular-nums" role="timer" aria-label="Time on the phone">
      {state.stage === "connecting" || state.since === null
        ? "Connecting"
        : state.stage === "ending"
          ? "Ending"
          : runningClock(now - state.since)}
    </p>
  );
}

/** A recogniser that is a stand-in knows only the voices of stand-ins. */
function StandInListens({ muted }: { muted: boolean }) {
  const { rehearsed } = useConfig();
  if (muted || !rehearsed.includes("google")) return null;
  return (
    <p className="text-muted text-sm">
      A stand-in listens in the recogniser's place: it understands what you type, but no human voice.
    </p>
  );
}
