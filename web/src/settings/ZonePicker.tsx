import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { cn } from "../ui/cn";
import { Input, type Tied } from "../ui/Field";
import { useNow } from "../ui/useNow";
import { allZones, findZones, timeIn, zoneName } from "./zones";

/** A list that is longer is searched rather than read. */
const MAX_SHOWN = 60;

type Props = { tied: Tied; value: string; onChange: (zone: string) => void };

/** A combobox (WAI-ARIA): type a part of a city's name, choose with the arrow keys, Enter or a tap. */
export function ZonePicker({ tied, value, onChange }: Props) {
  const listId = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const now = useNow();
  const zones = useMemo(allZones, []);
  const open = typed !== null;
  const found = useMemo(() => (typed === null ? [] : findZones(zones, typed, MAX_SHOWN)), [zones, typed]);
  const active = found[at];

  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView?.({ block: "nearest" });
  });

  function show(text: string) {
    setTyped(text);
    setAt(0);
  }
  function choose(zone: string | undefined) {
    if (zone !== undefined) onChange(zone);
    setTyped(null);
  }
  function pressed(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      if (!open) show("");
      else setAt((place) => Math.min(Math.max(0, place + step), found.length - 1));
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      choose(active);
    } else if (event.key === "Escape" && open) {
      event.stopPropagation();
      setTyped(null);
    }
  }

  return (
    <div className="relative">
      <Input
        {...tied}
        role="combobox"
        aria-expanded={open}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={open && active !== undefined ? `${listId}-${active}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={zoneName(value)}
        value={typed ?? zoneName(value)}
        onFocus={(event) => event.target.select()}
        onClick={() => open || show("")}
        onChange={(event) => show(event.target.value)}
        onKeyDown={pressed}
        onBlur={() => setTyped(null)}
      />
      <div
        ref={list}
        id={listId}
        role="listbox"
        aria-label="Time zones"
        hidden={!open}
        className="absolute inset-x-0 top-full z-20 mt-1 max-h-64 overflow-y-auto rounded-card border border-line bg-surface p-1"
      >
        {found.map((zone, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled by the field, which keeps the focus
          // biome-ignore lint/a11y/useFocusableInteractive: likewise
          <div
            key={zone}
            id={`${listId}-${zone}`}
            role="option"
            aria-selected={place === at}
            // The field must not lose the focus before the click has been.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(zone)}
            className={cn(
              "flex min-h-10 cursor-pointer items-center justify-between gap-3 rounded-lg px-3",
              place === at && "bg-subtle",
            )}
          >
            <span>{zoneName(zone)}</span>
            <span className="text-muted text-sm tabular-nums">{timeIn(zone, now)}</span>
          </div>
        ))}
        {open && found.length === 0 && (
          <p className="px-3 py-2 text-muted">No such place. Try the next large city.</p>
        )}
      </div>
    </div>
  );
}
