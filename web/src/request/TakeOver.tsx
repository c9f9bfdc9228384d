import { useMutation } from "convex/react";
import { Mic, Undo2 } from "lucide-react";
import { useEffect, useRef } from "react";
import { api } from "../api";
import type { ListenIn } from "../audio/listen";
import type { Speak } from "../audio/speak";
import { useAct } from "../ui/useAct";
import { isTalking } from "./actions";
import { Control } from "./Control";
import type { Call } from "./show";

/** Speak yourself, and let Floyd speak again. Floyd goes on listening meanwhile. */
export function TakeOver({ call, listen, speak }: { call: Call; listen: ListenIn; speak: Speak }) {
  const takeOver = useMutation(api.calls.takeOver);
  const handBack = useMutation(api.calls.handBack);
  const taken = call.control?.by === "owner";
  const callId = call._id;
  const taking = useAct(async () => {
    // The microphone first: nobody should be left with a silent line because there is none.
    if (!(await speak.start())) return;
    listen.stop();
    try {
      await takeOver({ callId });
    } catch (error) {
      speak.stop();
      throw error;
    }
  });
  const returning = useAct(() => handBack({ callId }));
  // Handed back, perhaps in another window: the microphone here goes off too.
  const { stop } = speak;
  const before = useRef(taken);
  useEffect(() => {
    if (before.current && !taken) stop();
    before.current = taken;
  }, [taken, stop]);
  const busy = taking.busy || returning.busy;
  return taken ? (
    <Control
      icon={<Undo2 aria-hidden />}
      label="Hand back"
      variant="primary"
      busy={busy}
      onClick={() => void returning.run()}
    />
  ) : (
    <Control
      icon={<Mic aria-hidden />}
      label="Take over"
      disabled={!isTalking(call)}
      busy={busy}
      onClick={() => void taking.run()}
    />
  );
}
