import { Keyboard, Phone, PhoneOff } from "lucide-react";
import { Button } from "../ui/Button";
import { PhoneNumber } from "../ui/PhoneNumber";
import type { Ringing } from "./phone";
import { calleeOf, useAnswering } from "./usePhone";

/** A call that rings: who calls whom, and what for. */
export function Rings({ call }: { call: Ringing }) {
  const { pickUp, decline } = useAnswering();
  return (
    <section
      aria-label="Incoming call"
      className="flex flex-col items-center gap-5 rounded-card border border-line bg-surface px-4 py-8 text-center"
    >
      <div className="flex size-16 items-center justify-center rounded-full bg-accent-soft text-accent-ink">
        <Phone aria-hidden className="size-7 animate-breathe" />
      </div>
      <div>
        <p className="text-muted">Floyd is calling</p>
        <h2 className="font-semibold text-xl">{calleeOf(call)}</h2>
        {call.calleeName !== undefined && <PhoneNumber phone={call.to} className="text-muted" />}
      </div>
      <p className="max-w-prose">
        <span className="text-muted">What for: </span>
        {call.requestText}
      </p>
      <div className="grid w-full max-w-sm grid-cols-2 gap-3">
        <Button variant="danger" size="lg" onClick={() => decline(call)}>
          <PhoneOff aria-hidden /> Decline
        </Button>
        <Button variant="primary" size="lg" onClick={() => pickUp(call, true)}>
          <Phone aria-hidden /> Pick up
        </Button>
        <Button variant="ghost" className="col-span-2" onClick={() => pickUp(call, false)}>
          <Keyboard aria-hidden /> Pick up and type
        </Button>
      </div>
    </section>
  );
}
