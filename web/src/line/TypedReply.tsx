import { Send } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { IconButton } from "../ui/Button";
import { Field, Input } from "../ui/Field";
import { phone } from "./phone";

/** The worker takes no more at once. */
const LONGEST = 500;

/** What is typed here is spoken on the line. `focused`: whoever picked up wants to type. */
export function TypedReply({ ending, focused }: { ending: boolean; focused: boolean }) {
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const wanted = useRef(focused);
  useEffect(() => {
    if (wanted.current) input.current?.focus();
  }, []);

  function send(event: FormEvent): void {
    event.preventDefault();
    if (text.trim() === "" || ending) return;
    phone.say(text);
    setText("");
  }

  return (
    <form onSubmit={send} className="flex items-end gap-2">
      <Field label="Say it by typing" className="min-w-0 flex-1">
        {(tied) => (
          <Input
            {...tied}
            ref={input}
            value={text}
            maxLength={LONGEST}
            autoComplete="off"
            enterKeyHint="send"
            placeholder="Hello, how can I help you?"
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <IconButton type="submit" label="Say it" variant="primary" disabled={ending || text.trim() === ""}>
        <Send aria-hidden />
      </IconButton>
    </form>
  );
}
