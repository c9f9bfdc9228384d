import { useMutation } from "convex/react";
import { type FormEvent, useState } from "react";
import { api, type Doc } from "../api";
import { Button } from "../ui/Button";
import { Dialog, DialogButtons } from "../ui/Dialog";
import { Field, Input, Textarea } from "../ui/Field";
import { type Failure, failureOf } from "../ui/failure";
import { useAct } from "../ui/useAct";
import { MAX_NAME, MAX_NOTES } from "./importing/found";
import { inWords } from "./importing/reasons";

type Props = {
  /** Absent: a new one. */
  contact?: Doc<"contacts"> | undefined;
  onClose: () => void;
};

export default function ContactDialog({ contact, onClose }: Props) {
  const [name, setName] = useState(contact?.name ?? "");
  const [phone, setPhone] = useState(contact?.phone ?? "");
  const [aliases, setAliases] = useState(contact?.aliases.join(", ") ?? "");
  const [notes, setNotes] = useState(contact?.notes ?? "");
  const [wrong, setWrong] = useState<Failure | null>(null);
  const add = useMutation(api.contacts.add);
  const update = useMutation(api.contacts.update);
  const { run, busy } = useAct(async () => {
    const also = aliases.split(",").map((alias) => alias.trim());
    const written = { name, phone, aliases: [...new Set(also.filter(Boolean))], notes };
    try {
      if (contact === undefined) await add(written);
      else await update({ contactId: contact._id, ...written });
    } catch (error) {
      const failure = failureOf(error);
      if (failure?.field === undefined) throw error;
      setWrong(failure);
      return;
    }
    onClose();
  });
  const error = (field: string) => (wrong?.field === field ? inWords(wrong.message) : undefined);
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title={contact === undefined ? "New contact" : "Edit contact"}
    >
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          setWrong(null);
          void run();
        }}
      >
        <Field label="Name" error={error("name")}>
          {(tied) => (
            <Input
              {...tied}
              autoComplete="off"
              value={name}
              maxLength={MAX_NAME}
              onChange={(e) => setName(e.target.value)}
            />
          )}
        </Field>
        <Field
          label="Phone number"
          hint="With the country code, like +1 415 555 0134."
          error={error("phone")}
        >
          {(tied) => (
            <Input
              {...tied}
              type="tel"
              autoComplete="off"
              value={phone}
              onChange={(e) => setPhone(e.target.value)}
            />
          )}
        </Field>
        <Field
          label="What you also call them"
          hint="Separated by commas: school, Mara's school"
          error={error("aliases")}
        >
          {(tied) => (
            <Input
              {...tied}
              autoComplete="off"
              value={aliases}
              onChange={(e) => setAliases(e.target.value)}
            />
          )}
        </Field>
        <Field label="Notes for Floyd" hint="Opening hours, whom to ask for." error={error("notes")}>
          {(tied) => (
            <Textarea
              {...tied}
              value={notes}
              maxLength={MAX_NOTES}
              onChange={(e) => setNotes(e.target.value)}
            />
          )}
        </Field>
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            variant="primary"
            busy={busy}
            disabled={name.trim() === "" || phone.trim() === ""}
          >
            {contact === undefined ? "Add contact" : "Save"}
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
