import { useState } from "react";
import { Dialog } from "../../ui/Dialog";
import { Skeleton } from "../../ui/Skeleton";
import { ErrorState } from "../../ui/States";
import { ContactsPreview } from "./ContactsPreview";
import { FilePicker } from "./FilePicker";
import { type Found, UnreadableFile } from "./found";
import { readContacts } from "./readContacts";

type Step =
  | { at: "choose"; error?: string }
  | { at: "reading" }
  | { at: "preview"; file: string; found: Found };

/** Pick a file, see what is in it and what is not taken, choose, add. */
export default function ImportContacts({ onClose }: { onClose: () => void }) {
  const [step, setStep] = useState<Step>({ at: "choose" });

  async function read(file: File) {
    setStep({ at: "reading" });
    try {
      setStep({ at: "preview", file: file.name, found: await readContacts(file) });
    } catch (error) {
      // Anything else is a defect of the parser; the person can try another export all the same.
      if (!(error instanceof UnreadableFile)) console.error(error);
      const because = error instanceof UnreadableFile ? error.message : "This file could not be read.";
      setStep({ at: "choose", error: because });
    }
  }

  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title="Import contacts"
      description={
        step.at === "preview" ? `From ${step.file}. Nothing is added before you say so.` : undefined
      }
    >
      <div className="flex flex-col gap-4">
        {step.at === "choose" && (
          <>
            {step.error !== undefined && <ErrorState title="Nothing was imported">{step.error}</ErrorState>}
            <FilePicker
              label="Choose a file"
              hint="vCard (.vcf) or a table (.csv)"
              accept=".vcf,.vcard,.csv,.tsv,.txt,text/vcard,text/x-vcard,text/csv,text/tab-separated-values"
              onPick={(file) => void read(file)}
            />
            <HowToExport />
          </>
        )}
        {step.at === "reading" && (
          <div role="status" aria-label="Reading the file" className="flex flex-col gap-3">
            <Skeleton className="h-12" />
            <Skeleton className="h-40" />
          </div>
        )}
        {step.at === "preview" && (
          <ContactsPreview found={step.found} onBack={() => setStep({ at: "choose" })} onClose={onClose} />
        )}
      </div>
    </Dialog>
  );
}

function HowToExport() {
  return (
    <details className="text-muted text-sm">
      <summary className="w-fit rounded underline underline-offset-4">How to export your contacts</summary>
      <ul className="mt-2 flex list-disc flex-col gap-1.5 pl-5">
        <li>iPhone: Contacts, Lists, hold “All Contacts”, Export.</li>
        <li>Android: Contacts, Fix and manage (or Settings), Export to file.</li>
        <li>Google: contacts.google.com, Export, as vCard or Google CSV.</li>
        <li>Outlook: People, Manage contacts, Export contacts.</li>
        <li>Your own table: two columns called “Name” and “Phone” are enough; save it as CSV.</li>
      </ul>
    </details>
  );
}
