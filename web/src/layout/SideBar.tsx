import { Plus } from "lucide-react";
import { Link } from "wouter";
import { useAccount } from "../auth/account";
import { useConfig } from "../config";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { NavLink } from "./NavLink";
import { type Destination, knows, moreDestinations, questions, requests } from "./navigation";
import { goToNewRequest } from "./newRequest";
import { QuestionBadge } from "./QuestionBadge";
import { Rehearsed } from "./Rehearsed";

/** The frame of a wide screen. */
export function SideBar() {
  const config = useConfig();
  const { operator } = useAccount();
  const entry = (to: Destination) => (
    <NavLink
      key={to.path}
      to={to}
      badge={to === questions ? <QuestionBadge className="ml-auto" /> : undefined}
      className="flex h-11 items-center gap-3 rounded-control px-3 font-medium text-muted hover:bg-subtle hover:text-ink"
      activeClassName="bg-subtle text-ink"
    />
  );
  return (
    <header className="sticky top-0 hidden h-dvh w-60 shrink-0 flex-col gap-5 border-line border-r px-4 py-6 md:flex">
      <Link
        href={paths.requests}
        className="flex items-center gap-2.5 px-2 font-semibold text-lg tracking-tight"
      >
        <img src="/icon.svg" alt="" width={28} height={28} />
        Floyd
      </Link>
      <Button variant="primary" onClick={goToNewRequest} aria-keyshortcuts="n">
        <Plus aria-hidden />
        New request
      </Button>
      <nav aria-label="Pages" className="flex flex-1 flex-col gap-1">
        {[requests, questions, knows].map(entry)}
        <div className="flex-1" />
        {moreDestinations(config, operator).map(entry)}
      </nav>
      <Rehearsed />
    </header>
  );
}
