import { usePaginatedQuery, useQuery } from "convex/react";
import { SearchX } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { api, type Doc } from "../api";
import { placeLeft, useWayBack } from "../layout/wayBack";
import { Button } from "../ui/Button";
import { cn } from "../ui/cn";
import { LiveRegion } from "../ui/LiveRegion";
import { Skeleton, SkeletonList } from "../ui/Skeleton";
import { EmptyState } from "../ui/States";
import { RequestRow } from "./RequestRow";
import type { Filters } from "./useFilters";

/** Fills a tall screen. */
const FIRST = 20;
const MORE = 30;
/** Whoever was further down than this comes back to here: they are read at once. */
const MOST = 500;

type RequestListProps = { filters: Filters; onClear: () => void; firstSteps: ReactNode };

/** Live: a row is new the moment that it changes in the database. */
export function RequestList({ filters, onClear, firstSteps }: RequestListProps) {
  const { show, search } = filters;
  const wanted = { ...(show === undefined ? {} : { show }), ...(search === "" ? {} : { search }) };
  const [place] = useState(placeLeft);
  const { results, status, loadMore } = usePaginatedQuery(api.requests.list, wanted, {
    initialNumItems: Math.max(FIRST, Math.min(place?.rows ?? 0, MOST)),
  });
  const questions = useQuery(api.questions.open);
  const askedFor = new Map(questions?.map((question) => [question.requestId, question.text]));

  // While another choice is being loaded the one before stays, so that nothing jumps at every letter.
  const loading = status === "LoadingFirstPage";
  const before = useRef<Doc<"requests">[] | null>(null);
  useEffect(() => {
    if (!loading) before.current = results;
  }, [loading, results]);
  const rows = loading ? before.current : results;
  useWayBack(rows?.length, place);
  if (rows === null) return <SkeletonList label="Loading your requests" />;

  const filtered = show !== undefined || search !== "";
  if (rows.length === 0 && !loading) {
    if (!filtered) return firstSteps;
    return (
      <EmptyState
        icon={<SearchX />}
        title={search === "" ? "No such requests" : `Nothing found for “${search}”`}
        action={<Button onClick={onClear}>Show all</Button>}
      >
        {search === ""
          ? emptyBecause[show ?? "all"]
          : "Words of the request are looked for, also their beginnings."}
      </EmptyState>
    );
  }
  return (
    <section aria-label="Your requests" aria-busy={loading}>
      <LiveRegion>{search !== "" && !loading && found(rows.length, status === "Exhausted")}</LiveRegion>
      <ul
        className={cn("flex flex-col gap-3 transition-opacity", loading && "opacity-60")}
        onKeyDown={moveFocus}
      >
        {rows.map((request) => (
          <li key={request._id}>
            <RequestRow request={request} question={askedFor.get(request._id)} />
          </li>
        ))}
      </ul>
      {status === "CanLoadMore" && <More load={() => loadMore(MORE)} />}
      {status === "LoadingMore" && <Skeleton className="mt-3 h-20 rounded-card" />}
    </section>
  );
}

const emptyBecause = {
  all: "",
  active: "Floyd has nothing to do right now.",
  waiting: "Floyd has no question that keeps it waiting.",
  done: "What Floyd has done for you will be here.",
  failed: "Nothing has come to nothing.",
} as const;

function found(count: number, all: boolean): string {
  return `${count}${all ? "" : " or more"} ${count === 1 ? "request" : "requests"} found`;
}

/** Loads by itself when it comes into view, and by a press for those who get there otherwise. */
function More({ load }: { load: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (button.current === null) return;
    const seen = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) latest.current();
    });
    seen.observe(button.current);
    return () => seen.disconnect();
  }, []);
  return (
    <div className="mt-4 flex justify-center">
      <Button ref={button} onClick={load}>
        Show more
      </Button>
    </div>
  );
}

/** The arrow keys go from row to row, Home and End to the first and the last. */
function moveFocus(event: KeyboardEvent<HTMLUListElement>): void {
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-request]")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (to === undefined || at === -1) return;
  event.preventDefault();
  links[to]?.focus();
}
