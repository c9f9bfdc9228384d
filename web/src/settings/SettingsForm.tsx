import type { ReactNode } from "react";
import { Button } from "../ui/Button";
import { Section } from "../ui/Card";

type Props = {
  title: string;
  /** Whether there is something to save. */
  changed: boolean;
  busy: boolean;
  save: () => void;
  discard: () => void;
  children: ReactNode;
};

/** A card of settings that are saved together. */
export function SettingsForm({ title, changed, busy, save, discard, children }: Props) {
  return (
    <Section title={title}>
      <form
        noValidate
        aria-label={title}
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          if (changed) save();
        }}
      >
        {children}
        <div className="flex justify-end gap-2">
          {changed && (
            <Button variant="ghost" onClick={discard}>
              Discard
            </Button>
          )}
          <Button type="submit" variant="primary" busy={busy} disabled={!changed}>
            Save
          </Button>
        </div>
      </form>
    </Section>
  );
}
