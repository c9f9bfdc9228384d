import { Tooltip as Parts } from "radix-ui";
import type { ReactElement, ReactNode } from "react";

/** Nobody who only passes by wants to read it. */
const DELAY_MS = 300;

/** Once around everything: who has waited for one tooltip has the next at once. */
export function Tooltips({ children }: { children: ReactNode }) {
  return <Parts.Provider delayDuration={DELAY_MS}>{children}</Parts.Provider>;
}

/**
 * A few words about what they float over, for those who point at it or reach it by keyboard. Never the only place
 * where something is said: touch has no tooltips, and screen readers read the name of the thing itself.
 */
export function Tooltip({ text, children }: { text: string; children: ReactElement }) {
  return (
    <Parts.Root>
      <Parts.Trigger
        asChild
        // It is not read out: its words are in the name already.
        aria-describedby={undefined}
        onFocus={(event) => {
          // Given back by a dialog to whoever uses the mouse, the focus explains nothing.
          if (!event.currentTarget.matches(":focus-visible")) event.preventDefault();
        }}
      >
        {children}
      </Parts.Trigger>
      <Parts.Portal>
        <Parts.Content
          aria-hidden
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-64 animate-appear select-none rounded-lg border border-transparent bg-ink px-2.5 py-1 text-canvas text-sm"
        >
          {text}
        </Parts.Content>
      </Parts.Portal>
    </Parts.Root>
  );
}
