import { Headphones } from "lucide-react";
import type { ListenIn as Listening } from "../audio/listen";
import type { Speak } from "../audio/speak";
import { isTalking } from "./actions";
import { Control } from "./Control";
import type { Call } from "./show";
import { isOn } from "./sound";

/** Whoever speaks hears the other side already: both at once would be an echo. */
export function ListenIn({ call, listen, speak }: { call: Call; listen: Listening; speak: Speak }) {
  const on = isOn(listen.state);
  return (
    <Control
      icon={<Headphones aria-hidden />}
      label={on ? "Stop listening" : "Listen in"}
      variant={on ? "primary" : "secondary"}
      disabled={!on && (!isTalking(call) || isOn(speak.state))}
      onClick={on ? listen.stop : listen.start}
    />
  );
}
