import { useMutation } from "convex/react";
import { PhoneOff } from "lucide-react";
import { useState } from "react";
import { api } from "../api";
import { Confirm } from "../ui/Dialog";
import { useAct } from "../ui/useAct";
import { Control } from "./Control";
import type { Call } from "./show";

export function HangUp({ call }: { call: Call }) {
  const [asking, setAsking] = useState(false);
  const hangUp = useMutation(api.calls.hangUp);
  const act = useAct(() => hangUp({ callId: call._id }));
  // From the click until the worker has done it.
  const ending = call.control?.hangUp === true;
  const goodbye =
    call.control?.by === "owner" ? "The call ends at once." : "Floyd says a short goodbye and hangs up.";
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
        description={`${goodbye} Floyd writes down what came of it.`}
        action="Hang up"
        onConfirm={() => act.run()}
      />
    </>
  );
}
