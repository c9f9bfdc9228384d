import { useMutation } from "convex/react";
import { type FormEvent, useState } from "react";
import { api } from "../api";
import { Button } from "../ui/Button";
import { Dialog, DialogButtons } from "../ui/Dialog";
import { Field, Input } from "../ui/Field";
import { useAct } from "../ui/useAct";
import type { Request } from "./show";
import { asLocalInput, fromLocalInput, laterChoices } from "./times";

type CallAtDialogProps = { open: boolean; onOpenChange: (open: boolean) => void; request: Request };

export function CallAtDialog({ open, onOpenChange, request }: CallAtDialogProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Call at"
      description="Floyd calls at the time you choose, also outside your call hours."
    >
      <CallAtForm request={request} close={() => onOpenChange(false)} />
    </Dialog>
  );
}

function CallAtForm({ request, close }: { request: Request; close: () => void }) {
  const [now] = useState(Date.now);
  const [value, setValue] = useState(() => asLocalInput(Math.max(request.notBefore, now)));
  const callAt = useMutation(api.requests.callAt);
  const set = useAct((at: number) => callAt({ requestId: request._id, at }));
  const at = fromLocalInput(value);
  const choose = async (moment: number) => {
    if (await set.run(moment)) close();
  };
  function submit(event: FormEvent) {
    event.preventDefault();
    if (at !== null) void choose(at);
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <div className="flex flex-wrap gap-2">
        <Button size="sm" disabled={set.busy} onClick={() => void choose(Date.now())}>
          Now
        </Button>
        {laterChoices(now).map((choice) => (
          <Button key={choice.label} size="sm" disabled={set.busy} onClick={() => void choose(choice.at)}>
            {choice.label}
          </Button>
        ))}
      </div>
      <Field label="Date and time">
        {(tied) => (
          <Input
            {...tied}
            type="datetime-local"
            required
            min={asLocalInput(now)}
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
        )}
      </Field>
      <DialogButtons>
        <Button onClick={close}>Leave it as it is</Button>
        <Button variant="primary" type="submit" busy={set.busy} disabled={at === null}>
          Call then
        </Button>
      </DialogButtons>
    </form>
  );
}
