import { useMutation } from "convex/react";
import { Mic, PhoneOff, Speech } from "lucide-react";
import { type ReactNode, useState } from "react";
import { api } from "../api";
import { Button, type ButtonProps } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { useAct } from "../ui/useAct";
import { isTalking } from "./actions";
import type { Call, Hint } from "./show";
import { Whisper } from "./Whisper";

/** What a person can do with a call while it lasts; stays in sight while the transcript is read. */
export function ControlBar({ call, hints }: { call: Call; hints: Hint[] }) {
  const [whispering, setWhispering] = useState(false);
  return (
    <section
      aria-label="Call controls"
      className="sticky bottom-[calc(4.5rem+env(safe-area-inset-bottom))] z-20 rounded-card border border-line bg-surface p-3 md:bottom-4"
    >
      {whispering && (
        <div className="mb-3">
          <Whisper callId={call._id} hints={hints.filter((hint) => hint.callId === call._id)} />
        </div>
      )}
      <div className="flex gap-2">
        <Control
          icon={<Speech aria-hidden />}
          label="Whisper"
          aria-expanded={whispering}
          onClick={() => setWhispering(!whispering)}
        />
        <TakeOver call={call} />
        <HangUp call={call} />
      </div>
    </section>
  );
}

type ControlProps = Omit<ButtonProps, "asChild" | "size" | "children"> & { icon: ReactNode; label: string };

/** On a phone four of them are side by side: the name is below the picture. */
export function Control({ icon, label, busy, className, ...rest }: ControlProps) {
  return (
    <Button
      {...rest}
      busy={busy ?? false}
      className={`h-auto min-w-0 flex-1 flex-col gap-1 whitespace-normal px-1 py-2 text-sm leading-4 sm:h-11 sm:flex-row sm:gap-2 sm:px-3 sm:py-0 ${className ?? ""}`}
    >
      {busy ? null : icon}
      {label}
    </Button>
  );
}

function TakeOver({ call }: { call: Call }) {
  const takeOver = useMutation(api.calls.takeOver);
  const handBack = useMutation(api.calls.handBack);
  const taken = call.control?.by === "owner";
  const act = useAct(() => (taken ? handBack : takeOver)({ callId: call._id }));
  return (
    <Control
      icon={<Mic aria-hidden />}
      label={taken ? "Hand back" : "Take over"}
      variant={taken ? "primary" : "secondary"}
      disabled={!isTalking(call)}
      busy={act.busy}
      onClick={() => void act.run()}
    />
  );
}

function HangUp({ call }: { call: Call }) {
  const [asking, setAsking] = useState(false);
  const hangUp = useMutation(api.calls.hangUp);
  const act = useAct(() => hangUp({ callId: call._id }));
  const ending = call.control?.hangUp === true;
  return (
    <>
      <Control
        icon={<PhoneOff aria-hidden />}
        label="Hang up"
        variant="dangerGhost"
        busy={ending || act.busy}
        onClick={() => setAsking(true)}
      />
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title="Hang up?"
        description="The call ends at once, without a goodbye. Floyd writes down what came of it."
        action="Hang up"
        onConfirm={() => act.run()}
      />
    </>
  );
}
