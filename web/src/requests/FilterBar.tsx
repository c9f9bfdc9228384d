import { Search, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { IconButton } from "../ui/Button";
import { cn } from "../ui/cn";
import { Input } from "../ui/Field";
import { useShortcut } from "../ui/useShortcut";
import { type Filters, shows } from "./useFilters";

/** Short enough to feel live, long enough not to ask at every letter. */
const PAUSE_MS = 200;
/** What the deployment takes. */
const MAX_SEARCH_CHARS = 200;

type FilterBarProps = { filters: Filters; change: (part: Partial<Filters>) => void };

export function FilterBar({ filters, change }: FilterBarProps) {
  return (
    <div className="flex flex-col gap-3 sm:flex-row sm:items-center">
      <fieldset className="-mx-4 flex gap-1 overflow-x-auto px-4 py-1 sm:mx-0 sm:px-1">
        <legend className="sr-only">Show</legend>
        {shows.map(({ show, label }) => (
          <button
            key={label}
            type="button"
            aria-pressed={filters.show === show}
            onClick={() => change({ show })}
            className={cn(
              "h-9 shrink-0 rounded-full px-3.5 font-medium text-sm transition-colors",
              filters.show === show ? "bg-ink text-canvas" : "text-muted hover:bg-subtle hover:text-ink",
            )}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <SearchField search={filters.search} onSearch={(search) => change({ search })} />
    </div>
  );
}

function SearchField({ search, onSearch }: { search: string; onSearch: (search: string) => void }) {
  const [typed, setTyped] = useState(search);
  const field = useRef<HTMLInputElement>(null);
  const latest = useRef(onSearch);
  latest.current = onSearch;
  // Cleared from elsewhere, or the way back was taken.
  useEffect(() => setTyped(search), [search]);
  useEffect(() => {
    if (typed.trim() === search) return;
    const pause = setTimeout(() => latest.current(typed.trim()), PAUSE_MS);
    return () => clearTimeout(pause);
  }, [typed, search]);
  useShortcut("/", () => field.current?.focus());
  return (
    <search className="relative sm:ml-auto sm:w-64">
      <Search
        aria-hidden
        className="pointer-events-none absolute top-1/2 left-3.5 size-4 -translate-y-1/2 text-muted"
      />
      <Input
        ref={field}
        type="text"
        inputMode="search"
        aria-label="Search requests"
        aria-keyshortcuts="/"
        placeholder="Search"
        maxLength={MAX_SEARCH_CHARS}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onSearch("");
        }}
        className="pr-11 pl-10"
      />
      {typed !== "" && (
        <span className="absolute top-1 right-1">
          <IconButton
            label="Clear search"
            size="iconSm"
            onClick={() => {
              setTyped("");
              onSearch("");
              field.current?.focus();
            }}
          >
            <X aria-hidden />
          </IconButton>
        </span>
      )}
    </search>
  );
}
