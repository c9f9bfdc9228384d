import { Phone, PhoneCall, PhoneOff } from "lucide-react";
import { useEffect } from "react";
import { useLocation } from "wouter";
import { useAccount } from "../auth";
import { runningClock } from "../request/times";
import { useSeconds } from "../request/useSeconds";
import { paths } from "../routes";
import { Button, IconButton } from "../ui/Button";
import { cn } from "../ui/cn";
import { LiveRegion } from "../ui/LiveRegion";
import { AlsoRings } from "./AlsoRings";
import { type PhoneState, phone, type Ringing } from "./phone";
import { calleeOf, useAnswering, useCalls, usePhone } from "./usePhone";
import { useRing } from "./useRing";

/** The pages go away for a moment when the database does, and a call goes on without either. For longer: signed out. */
const ABSENCE_MS = 8_000;
let absence: ReturnType<typeof setTimeout> | undefined;
/** Whose calls these were the last time; see `Account.generation`. */
let person: number | undefined;

/** On every page: a call that rings, and the way back to one that goes on. The line's own page shows more of both. */
export default function IncomingCall() {
  const state = usePhone();
  const [location] = useLocation();
  const { first, second } = useCalls();
  // Whoever is on the phone reads of another call, and hears nothing of it.
  useRing(first !== undefined);
  useEffect(() => {
    clearTimeout(absence);
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      absence = setTimeout(() => phone.hangUp(), ABSENCE_MS);
    };
  }, []);
  const { generation } = useAccount();
  useEffect(() => {
    if (person !== undefined && person !== generation) phone.forgetAll();
    person = generation;
  }, [generation]);
  const elsewhere = location !== paths.line;
  return (
    <>
      <LiveRegion>
        {first !== undefined
          ? `The phone rings: Floyd is calling ${calleeOf(first)}.`
          : second !== undefined && `Floyd is also calling ${calleeOf(second)}. It rings on.`}
      </LiveRegion>
      {elsewhere && first !== undefined && <Banner call={first} />}
      {elsewhere && state.kind === "up" && <OnThePhone state={state} second={second} />}
    </>
  );
}

function leave(): void {
  phone.leave();
}

const card = "fixed z-30 animate-rise rounded-card border border-line-strong bg-surface";

function Banner({ call }: { call: Ringing }) {
  const { pickUp, decline } = useAnswering();
  const [, navigate] = useLocation();
  return (
    <section
      aria-label="Incoming call"
      className={cn(card, "inset-x-3 top-3 mx-auto max-w-md p-4 sm:right-4 sm:left-auto sm:mx-0 sm:w-96")}
    >
      <div className="flex items-start gap-3">
        <Phone aria-hidden className="mt-0.5 size-5 shrink-0 animate-breathe text-accent-ink" />
        <div className="min-w-0">
          <p className="font-semibold">Floyd is calling {calleeOf(call)}</p>
          <p className="line-clamp-2 text-muted text-sm">{call.requestText}</p>
        </div>
      </div>
      <div className="mt-3 grid grid-cols-2 gap-2">
        <Button variant="dangerGhost" onClick={() => decline(call)}>
          <PhoneOff aria-hidden /> Decline
        </Button>
        <Button
          variant="primary"
          onClick={() => {
            pickUp(call, true);
            navigate(paths.line);
          }}
        >
          <Phone aria-hidden /> Pick up
        </Button>
      </div>
    </section>
  );
}

type OnThePhoneProps = { state: Extract<PhoneState, { kind: "up" }>; second: Ringing | undefined };

function OnThePhone({ state, second }: OnThePhoneProps) {
  const now = useSeconds();
  const [, navigate] = useLocation();
  // Below, where it hides little of a page that somebody looks at during the call.
  return (
    <section
      aria-label="On the phone"
      className={cn(
        card,
        "inset-x-3 bottom-[calc(5.25rem+env(safe-area-inset-bottom))] mx-auto max-w-md p-1.5 md:right-6 md:bottom-6 md:left-auto md:mx-0 md:w-96",
      )}
    >
      <AlsoRings call={second} />
      <div className="flex items-center gap-2 pl-1.5">
        <PhoneCall aria-hidden className="size-5 shrink-0 text-accent-ink" />
        <div className="min-w-0 flex-1 leading-5">
          <p className="truncate font-medium">{calleeOf(state.call)}</p>
          <p className="text-muted text-sm tabular-nums">
            {state.since === null ? "Connecting" : runningClock(now - state.since)}
          </p>
        </div>
        <Button size="sm" onClick={() => navigate(paths.line)}>
          Back to the call
        </Button>
        <IconButton label="Hang up" variant="dangerGhost" onClick={() => phone.hangUp()}>
          <PhoneOff aria-hidden />
        </IconButton>
      </div>
    </section>
  );
}
