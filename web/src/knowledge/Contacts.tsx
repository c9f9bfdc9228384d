import { useMutation, useQuery } from "convex/react";
import { BookUser, FileDown, Pencil, Plus, Trash2 } from "lucide-react";
import { lazy, Suspense, useId, useRef, useState } from "react";
import { api, type Doc } from "../api";
import { Button, IconButton } from "../ui/Button";
import { Section } from "../ui/Card";
import { Field, Input } from "../ui/Field";
import { PhoneNumber } from "../ui/PhoneNumber";
import { SkeletonList } from "../ui/Skeleton";
import { EmptyState } from "../ui/States";
import { toast } from "../ui/toast";
import { useAct } from "../ui/useAct";
import { matches } from "./matches";

const ContactDialog = lazy(() => import("./ContactDialog"));
const ImportContacts = lazy(() => import("./importing/ImportContacts"));

/** So many can be looked over without searching. */
const FEW = 8;

type Contact = Doc<"contacts">;
type Opened = { what: "new" | "import" } | { what: "edit"; contact: Contact };

export function Contacts() {
  const contacts = useQuery(api.contacts.list, {});
  const [wanted, setWanted] = useState("");
  const [opened, setOpened] = useState<Opened | null>(null);
  const remove = useRemove();
  const list = useRef<HTMLDivElement>(null);
  const close = () => setOpened(null);
  const found = (contacts ?? [])
    .filter((contact) => matches(contact, wanted))
    .toSorted((a, b) => a.name.localeCompare(b.name));
  return (
    <Section
      title={contacts === undefined ? "Contacts" : `Contacts (${contacts.length})`}
      actions={
        <span className="flex gap-2">
          <Button size="sm" onClick={() => setOpened({ what: "import" })}>
            <FileDown aria-hidden />
            Import
          </Button>
          <Button size="sm" variant="primary" onClick={() => setOpened({ what: "new" })}>
            <Plus aria-hidden />
            Add
          </Button>
        </span>
      }
    >
      <div ref={list} tabIndex={-1} className="outline-none">
        {contacts !== undefined && contacts.length > FEW && (
          <Field label="Find a contact" hideLabel>
            {(tied) => (
              <Input
                {...tied}
                type="search"
                placeholder="Find a contact"
                value={wanted}
                onChange={(event) => setWanted(event.target.value)}
              />
            )}
          </Field>
        )}
        {contacts === undefined ? (
          <SkeletonList />
        ) : contacts.length === 0 ? (
          <EmptyState icon={<BookUser />} title="No contacts yet">
            Whom Floyd shall call by name: “call the school”. Add them one by one, or import your address
            book.
          </EmptyState>
        ) : found.length === 0 ? (
          <p className="py-4 text-muted">No contact matches “{wanted}”.</p>
        ) : (
          <ul aria-label="Contacts">
            {found.map((contact) => (
              <ContactRow
                key={contact._id}
                contact={contact}
                edit={() => setOpened({ what: "edit", contact })}
                remove={async () => {
                  if (await remove(contact)) list.current?.focus({ preventScroll: true });
                }}
              />
            ))}
          </ul>
        )}
      </div>
      <Suspense>
        {opened?.what === "import" && <ImportContacts onClose={close} />}
        {opened?.what === "new" && <ContactDialog onClose={close} />}
        {opened?.what === "edit" && <ContactDialog contact={opened.contact} onClose={close} />}
      </Suspense>
    </Section>
  );
}

function useRemove(): (contact: Contact) => Promise<boolean> {
  const removeContact = useMutation(api.contacts.remove);
  const add = useMutation(api.contacts.add);
  const putBack = useAct(({ name, phone, aliases, notes }: Contact) =>
    add({ name, phone, aliases, ...(notes === undefined ? {} : { notes }) }),
  );
  return useAct(async (contact: Contact) => {
    await removeContact({ contactId: contact._id });
    toast.say(`${contact.name} is deleted.`, { label: "Undo", run: () => void putBack.run(contact) });
  }).run;
}

type RowProps = { contact: Contact; edit: () => void; remove: () => Promise<void> };

function ContactRow({ contact, edit, remove }: RowProps) {
  const id = useId();
  const { name, phone, aliases, notes } = contact;
  return (
    <li
      aria-labelledby={id}
      className="flex items-start justify-between gap-2 border-line border-b py-3 [contain-intrinsic-size:auto_88px] [content-visibility:auto] last:border-0"
    >
      <div className="min-w-0">
        <p id={id} className="font-medium">
          {name}
        </p>
        <PhoneNumber phone={phone} className="text-muted" />
        {aliases.length > 0 && <p className="text-muted text-sm">Also: {aliases.join(", ")}</p>}
        {notes !== undefined && <p className="whitespace-pre-wrap text-muted text-sm">{notes}</p>}
      </div>
      <div className="flex shrink-0 pr-1">
        <IconButton label={`Edit ${name}`} onClick={edit}>
          <Pencil aria-hidden />
        </IconButton>
        <IconButton label={`Delete ${name}`} onClick={() => void remove()}>
          <Trash2 aria-hidden />
        </IconButton>
      </div>
    </li>
  );
}
