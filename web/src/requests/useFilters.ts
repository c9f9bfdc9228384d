import { useSearchParams } from "wouter";

/** The names that `requests:list` has for them; undefined is all. */
export const shows = [
  { show: undefined, label: "All" },
  { show: "active", label: "Under way" },
  { show: "waiting", label: "Needs you" },
  { show: "done", label: "Done" },
  { show: "failed", label: "Not done" },
] as const;

export type Show = (typeof shows)[number]["show"];
export type Filters = { show: Show; search: string };

/** Which requests are listed. It is in the address, so that a reload, a link and the way back keep it. */
export function useFilters() {
  const [params, setParams] = useSearchParams();
  const show = shows.find((one) => one.show === params.get("show"))?.show;
  const search = params.get("search") ?? "";
  function change(part: Partial<Filters>): void {
    const wanted = { show, search, ...part };
    const next = new URLSearchParams();
    if (wanted.show !== undefined) next.set("show", wanted.show);
    if (wanted.search !== "") next.set("search", wanted.search);
    setParams(next, { replace: true });
  }
  return { filters: { show, search }, change };
}
