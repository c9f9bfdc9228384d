import { useMutation } from "convex/react";
import { ArrowUp, SlidersHorizontal } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { useLocation } from "wouter";
import { api } from "../api";
import { VoiceRequest } from "../audio/VoiceRequest";
import { NEW_REQUEST_ID, useNewRequestFocus } from "../layout/newRequest";
import { useDeploymentState } from "../layout/useDeploymentState";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { Field, Input, Textarea } from "../ui/Field";
import { failureOf, messageOf } from "../ui/failure";
import { LiveRegion } from "../ui/LiveRegion";
import { toast } from "../ui/toast";
import type { Draft, DraftState } from "./useDraft";

/** What the deployment takes. */
const MAX_TEXT_CHARS = 4_000;

/** Which of the fields here the deployment means. */
const fieldOf: Record<string, keyof Draft> = { text: "text", to: "to", notBefore: "when" };

type Refused = { field: keyof Draft; message: string };

/** Where a request is written or spoken. One that was filed opens: there it can be watched. */
export function NewRequest({ draft, change, clear }: DraftState) {
  const [options, setOptions] = useState(draft.to !== "" || draft.when !== "");
  const [refused, setRefused] = useState<Refused | null>(null);
  const [sending, setSending] = useState(false);
  const { offline } = useDeploymentState();
  const create = useMutation(api.requests.create);
  const [, navigate] = useLocation();
  useNewRequestFocus();

  async function send(text: string): Promise<void> {
    if (sending || text.trim() === "") return;
    setSending(true);
    setRefused(null);
    try {
      const to = draft.to.trim() === "" ? {} : { to: draft.to };
      const notBefore = draft.when === "" ? {} : { notBefore: new Date(draft.when).getTime() };
      const requestId = await create({ text, ...to, ...notBefore });
      clear();
      navigate(paths.request(requestId));
    } catch (error) {
      const field = fieldOf[failureOf(error)?.field ?? ""];
      if (field === undefined) toast.error(messageOf(error));
      else setRefused({ field, message: messageOf(error) });
      if (field === "to" || field === "when") setOptions(true);
    } finally {
      setSending(false);
    }
  }

  function set(part: Partial<Draft>): void {
    setRefused(null);
    change(part);
  }
  const errorOf = (field: keyof Draft) => (refused?.field === field ? refused.message : null);

  return (
    <form
      aria-label="New request"
      onSubmit={(event) => {
        event.preventDefault();
        void send(draft.text);
      }}
      className="rounded-card border border-line bg-surface p-3 sm:p-4"
    >
      <Field id={NEW_REQUEST_ID} label="What should Floyd do?" error={errorOf("text")}>
        {(tied) => (
          <Textarea
            {...tied}
            value={draft.text}
            maxLength={MAX_TEXT_CHARS}
            placeholder="Call the school and let them know Mara is sick today"
            enterKeyHint="send"
            onChange={(event) => set({ text: event.target.value })}
            onKeyDown={(event) => {
              if (!sends(event)) return;
              event.preventDefault();
              void send(draft.text);
            }}
          />
        )}
      </Field>
      {options && (
        <div className="mt-3 grid gap-3 sm:grid-cols-2">
          <Field label="Number to call" hint="Empty: Floyd finds it." error={errorOf("to")}>
            {(tied) => (
              <Input
                {...tied}
                type="tel"
                autoComplete="off"
                placeholder="+1 415 555 0123"
                value={draft.to}
                onChange={(event) => set({ to: event.target.value })}
              />
            )}
          </Field>
          <Field label="Not before" hint="Empty: as soon as possible." error={errorOf("when")}>
            {(tied) => (
              <Input
                {...tied}
                type="datetime-local"
                value={draft.when}
                onChange={(event) => set({ when: event.target.value })}
              />
            )}
          </Field>
        </div>
      )}
      <div className="mt-3 flex flex-wrap items-center gap-2">
        <div className="flex w-full min-w-0 sm:w-auto sm:flex-1">
          <VoiceRequest
            text={draft.text}
            onText={(text) => set({ text })}
            onSend={(text) => void send(text)}
            disabled={sending}
          />
        </div>
        <Button
          variant="ghost"
          size="sm"
          aria-expanded={options}
          className="aria-expanded:bg-subtle"
          onClick={() => {
            if (options) set({ to: "", when: "" });
            setOptions(!options);
          }}
        >
          <SlidersHorizontal aria-hidden />
          Number and time
        </Button>
        <Button
          type="submit"
          variant="primary"
          busy={sending}
          disabled={draft.text.trim() === ""}
          className="ml-auto"
        >
          {!sending && <ArrowUp aria-hidden />}
          Send
        </Button>
      </div>
      <LiveRegion visible className={sending && offline ? "mt-2 text-sm text-warn-ink" : ""}>
        {sending && offline && "It goes out as soon as the connection is back. Keep this page open."}
      </LiveRegion>
    </form>
  );
}

/** Enter sends, as in a messenger; with Shift, on a touch keyboard, and while a word is composed it does not. */
function sends(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return false;
  return event.ctrlKey || event.metaKey || !matchMedia("(pointer: coarse)").matches;
}
