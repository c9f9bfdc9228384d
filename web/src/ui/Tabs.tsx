import { Tabs as Parts } from "radix-ui";
import type { ReactNode } from "react";

type Tab = { value: string; label: ReactNode };

type TabsProps = {
  value: string;
  onValueChange: (value: string) => void;
  /** What the tabs choose between, for those who don't see them. */
  label: string;
  tabs: readonly Tab[];
  /** One `TabPanel` for each tab. */
  children: ReactNode;
};

/** One stop for the Tab key; the arrow keys, Home and End choose. */
export function Tabs({ value, onValueChange, label, tabs, children }: TabsProps) {
  return (
    <Parts.Root value={value} onValueChange={onValueChange}>
      <Parts.List aria-label={label} className="mb-4 flex gap-1 overflow-x-auto border-line border-b">
        {tabs.map((tab) => (
          <Parts.Trigger
            key={tab.value}
            value={tab.value}
            className="-mb-px inline-flex h-11 shrink-0 items-center gap-2 border-transparent border-b-2 px-3 font-medium text-muted hover:text-ink focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:text-ink forced-colors:data-[state=inactive]:border-[Canvas]"
          >
            {tab.label}
          </Parts.Trigger>
        ))}
      </Parts.List>
      {children}
    </Parts.Root>
  );
}

/** Shown while its tab is chosen. What is in it takes the focus, not the panel. */
export function TabPanel({ value, children }: { value: string; children: ReactNode }) {
  return (
    <Parts.Content value={value} tabIndex={-1} className="outline-none">
      {children}
    </Parts.Content>
  );
}
