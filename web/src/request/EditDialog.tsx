import { useMutation } from "convex/react";
import { type FormEvent, useState } from "react";
import { api } from "../api";
import { Button } from "../ui/Button";
import { Dialog, DialogButtons } from "../ui/Dialog";
import { Field, Input, Textarea } from "../ui/Field";
import { failureOf, messageOf } from "../ui/failure";
import type { Request } from "./show";

type EditDialogProps = { open: boolean; onOpenChange: (open: boolean) => void; request: Request };

export function EditDialog({ open, onOpenChange, request }: EditDialogProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Edit the request"
      description="Floyd plans anew. What it was told and what you answered stays."
    >
      {/* Mounted when opened: the fields begin with what is asked now. */}
      <EditForm request={request} close={() => onOpenChange(false)} />
    </Dialog>
  );
}

function EditForm({ request, close }: { request: Request; close: () => void }) {
  const [text, setText] = useState(request.text);
  const [to, setTo] = useState(request.toNumber ?? "");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<{ field: string | undefined; message: string } | null>(null);
  const edit = useMutation(api.requests.edit);
  async function save(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setRefusal(null);
    try {
      await edit({ requestId: request._id, text, to: to.trim() === "" ? null : to });
      close();
    } catch (error) {
      setRefusal({ field: failureOf(error)?.field, message: messageOf(error) });
    } finally {
      setBusy(false);
    }
  }
  const aboutNumber = refusal?.field === "to";
  return (
    <form onSubmit={(event) => void save(event)} className="flex flex-col gap-4">
      <Field label="What should Floyd do?" error={aboutNumber ? null : refusal?.message}>
        {(tied) => (
          <Textarea {...tied} rows={4} value={text} onChange={(event) => setText(event.target.value)} />
        )}
      </Field>
      <Field
        label="Number"
        hint="Leave it empty, and Floyd looks for it in what it knows."
        error={aboutNumber ? refusal?.message : null}
      >
        {(tied) => (
          <Input
            {...tied}
            type="tel"
            autoComplete="off"
            value={to}
            onChange={(event) => setTo(event.target.value)}
          />
        )}
      </Field>
      <DialogButtons>
        <Button onClick={close}>Leave it as it is</Button>
        <Button variant="primary" type="submit" busy={busy} disabled={text.trim() === ""}>
          Save
        </Button>
      </DialogButtons>
    </form>
  );
}
