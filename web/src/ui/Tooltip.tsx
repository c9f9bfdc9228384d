import { Tooltip as Radix } from "radix-ui";
import type { ReactElement } from "react";

const DELAY_MS = 400;

/** A few words about what they float over. Never the only place where something is said: touch has no tooltips. */
export function Tooltip({ text, children }: { text: string; children: ReactElement }) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-64 animate-appear rounded-lg bg-ink px-2.5 py-1 text-canvas text-sm"
        >
          {text}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Around the whole page: the second tooltip of a row appears at once. */
export function Tooltips({ children }: { children: React.ReactNode }) {
  return <Radix.Provider delayDuration={DELAY_MS}>{children}</Radix.Provider>;
}
