import { createContext, type KeyboardEvent, type ReactNode, useContext, useId } from "react";
import { cn } from "./cn";

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

const Chosen = createContext({ group: "", value: "" });

/** One stop for the Tab key; the arrow keys, Home and End choose. */
export function Tabs({ value, onValueChange, label, tabs, children }: TabsProps) {
  const group = useId();

  function pressed(event: KeyboardEvent): void {
    const at = tabs.findIndex((tab) => tab.value === value);
    const to = {
      ArrowRight: (at + 1) % tabs.length,
      ArrowLeft: (at + tabs.length - 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    }[event.key];
    const next = to === undefined ? undefined : tabs[to];
    if (next === undefined) return;
    event.preventDefault();
    onValueChange(next.value);
    document.getElementById(tabId(group, next.value))?.focus();
  }

  return (
    <div>
      <div
        role="tablist"
        aria-label={label}
        onKeyDown={pressed}
        className="mb-4 flex gap-1 overflow-x-auto border-line border-b"
      >
        {tabs.map((tab) => {
          const chosen = tab.value === value;
          return (
            <button
              key={tab.value}
              type="button"
              role="tab"
              id={tabId(group, tab.value)}
              aria-selected={chosen}
              aria-controls={chosen ? panelId(group, tab.value) : undefined}
              tabIndex={chosen ? 0 : -1}
              onClick={() => onValueChange(tab.value)}
              className={cn(
                "-mb-px inline-flex h-11 shrink-0 items-center gap-2 border-b-2 px-3 font-medium focus-visible:-outline-offset-2",
                chosen ? "border-accent text-ink" : "border-transparent text-muted hover:text-ink",
              )}
            >
              {tab.label}
            </button>
          );
        })}
      </div>
      <Chosen value={{ group, value }}>{children}</Chosen>
    </div>
  );
}

/** Shown while its tab is chosen. */
export function TabPanel({ value, children }: { value: string; children: ReactNode }) {
  const chosen = useContext(Chosen);
  if (chosen.value !== value) return null;
  return (
    <div role="tabpanel" id={panelId(chosen.group, value)} aria-labelledby={tabId(chosen.group, value)}>
      {children}
    </div>
  );
}

const tabId = (group: string, value: string) => `${group}-tab-${value}`;
const panelId = (group: string, value: string) => `${group}-panel-${value}`;
