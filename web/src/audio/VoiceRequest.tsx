import { Mic, Square } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { Button } from "../ui/Button";
import { cn } from "../ui/cn";
import { type Dictation, useDictation } from "./dictation";
import { LevelMeter } from "./LevelMeter";

/** Pressed for longer, the button was held: letting go is the end. */
const TAP_MS = 350;
/** Time to say no before what was spoken goes out. */
const UNDO_MS = 3_000;

type VoiceRequestProps = {
  /** What stands in the text box. */
  text: string;
  /** Spoken words come here, behind what stood in the box before. */
  onText: (text: string) => void;
  /** The words are complete, and nobody said no. */
  onSend: (text: string) => void;
  disabled?: boolean;
};

/**
 * The microphone of a new request. Tapped, it listens until one has finished; held, until it is let go of. The words
 * appear in the text box while they are spoken, and stay there whatever happens.
 */
export function VoiceRequest({ text, onText, onSend, disabled = false }: VoiceRequestProps) {
  const before = useRef("");
  const spoken = useRef(text);
  const { dictation, start, handsFree, finish, cancel } = useDictation((words) => {
    spoken.current = joined(before.current, words);
    onText(spoken.current);
  });
  const [sending, setSending] = useState<string | null>(null);
  const send = useRef(onSend);
  send.current = onSend;
  const listening = dictation.state === "starting" || dictation.state === "listening";

  function begin(): void {
    setSending(null);
    before.current = text;
    spoken.current = text;
    start({ hold: true });
  }

  // All was said: it goes out by itself, if there is anything.
  useEffect(() => {
    if (dictation.state === "done" && dictation.words !== "") setSending(spoken.current);
  }, [dictation]);

  useEffect(() => {
    if (sending === null) return;
    const timer = setTimeout(() => {
      setSending(null);
      cancel();
      send.current(sending);
    }, UNDO_MS);
    return () => clearTimeout(timer);
  }, [sending, cancel]);

  // Whoever changes the words wants to send them themselves.
  useEffect(() => {
    if (sending !== null && text !== sending) setSending(null);
  }, [text, sending]);

  const press = usePress({
    onPress: () => {
      if (listening) finish();
      // A second click on the same button means nothing.
      else if (dictation.state !== "finishing") begin();
    },
    onTapped: handsFree,
    onHeld: finish,
  });

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape works wherever the focus is in here
    <div
      className="flex min-h-11 min-w-0 flex-1 basis-64 items-center gap-3"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || (!listening && sending === null)) return;
        event.stopPropagation();
        setSending(null);
        cancel();
      }}
    >
      <Button
        {...press}
        size="icon"
        variant={listening ? "primary" : "secondary"}
        disabled={disabled}
        aria-label={listening ? "Stop listening" : "Speak your request"}
        className={cn(
          "touch-none rounded-full",
          dictation.state === "listening" && "ring-4 ring-accent-soft",
        )}
      >
        {listening ? <Square aria-hidden /> : <Mic aria-hidden />}
      </Button>
      {dictation.state === "listening" && (
        <LevelMeter sound={dictation.microphone} className="shrink-0 text-accent" />
      )}
      <div role="status" aria-live="polite" className="min-w-0 flex-1 text-muted text-sm leading-5">
        {sending === null ? saying(dictation) : "Sending in a moment."}
      </div>
      {listening && (
        <Button size="sm" variant="ghost" onClick={cancel}>
          Cancel
        </Button>
      )}
      {sending !== null && (
        <Button size="sm" onClick={() => setSending(null)}>
          Don't send yet
        </Button>
      )}
    </div>
  );
}

function saying(dictation: Dictation): string {
  switch (dictation.state) {
    case "off":
      return "Tap and speak, or hold while you speak.";
    case "starting":
      return "One moment, please.";
    case "listening":
      return dictation.words === "" ? "Speak now." : "Listening.";
    case "finishing":
      return "One moment, please.";
    case "done":
      return dictation.words === "" ? "Tap and speak, or hold while you speak." : "Change it, or send it.";
    case "failed": {
      const kept = dictation.words === "" ? "" : " What was heard so far is kept.";
      return `${dictation.problem.message}${kept} You can always type your request.`;
    }
  }
}

/** The words behind what stood there before. */
function joined(before: string, words: string): string {
  return before.trim() === "" ? words : `${before.trimEnd()} ${words}`;
}

type Press = { onPress: () => void; onTapped: () => void; onHeld: () => void };

/**
 * A button that may be tapped or held, by finger, mouse, keyboard or a screen reader's click. `onPress` comes at once;
 * then one of the others when it is let go of, unless it was pressed to end something.
 */
function usePress({ onPress, onTapped, onHeld }: Press) {
  const down = useRef<number | null>(null);
  const handled = useRef(false);

  function press(): void {
    down.current = performance.now();
    handled.current = true;
    onPress();
  }

  function letGo(): void {
    if (down.current === null) return;
    const heldMs = performance.now() - down.current;
    down.current = null;
    if (heldMs < TAP_MS) onTapped();
    else onHeld();
  }

  const isKey = (event: KeyboardEvent) => event.key === " " || event.key === "Enter";
  return {
    onPointerDown: (event: React.PointerEvent<HTMLButtonElement>) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      press();
    },
    onPointerUp: letGo,
    onPointerCancel: letGo,
    onKeyDown: (event: KeyboardEvent) => {
      if (!isKey(event)) return;
      event.preventDefault();
      if (!event.repeat) press();
    },
    onKeyUp: (event: KeyboardEvent) => {
      if (isKey(event)) letGo();
    },
    onBlur: letGo,
    onContextMenu: (event: React.MouseEvent) => event.preventDefault(),
    onClick: () => {
      // Neither pointer nor key came before: a screen reader's, or a voice control's.
      if (!handled.current) {
        onPress();
        onTapped();
      }
      handled.current = false;
    },
  };
}
