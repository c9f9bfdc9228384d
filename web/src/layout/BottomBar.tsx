import { Ellipsis, Plus } from "lucide-react";
import { navigate } from "wouter/use-browser-location";
import { useAccount } from "../auth/account";
import { useConfig } from "../config";
import { Menu, MenuItem } from "../ui/Menu";
import { NavLink } from "./NavLink";
import { knows, moreDestinations, questions, requests } from "./navigation";
import { goToNewRequest } from "./newRequest";
import { QuestionBadge } from "./QuestionBadge";

const place =
  "relative flex h-16 flex-1 flex-col items-center justify-center gap-0.5 font-medium text-muted text-xs focus-visible:-outline-offset-2";

/** The frame of a phone. */
export function BottomBar() {
  const config = useConfig();
  const { operator } = useAccount();
  return (
    <nav
      aria-label="Pages"
      className="fixed inset-x-0 bottom-0 z-30 flex has-[[role=menu]]:z-70 border-line border-t bg-surface pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      <NavLink to={requests} className={place} activeClassName="text-accent-ink" />
      <NavLink
        to={questions}
        badge={<QuestionBadge className="absolute top-1.5 left-[calc(50%+6px)]" />}
        className={place}
        activeClassName="text-accent-ink"
      />
      <button type="button" onClick={goToNewRequest} className={place} aria-label="New request">
        <span className="flex size-12 items-center justify-center rounded-full bg-accent text-on-accent">
          <Plus aria-hidden className="size-6" />
        </span>
      </button>
      <NavLink to={knows} label="Knows" className={place} activeClassName="text-accent-ink" />
      <Menu
        trigger={
          <button type="button" className={place}>
            <Ellipsis aria-hidden className="size-5" />
            More
          </button>
        }
      >
        {moreDestinations(config, operator).map(({ path, label, icon: Icon }) => (
          <MenuItem key={path} onSelect={() => navigate(path)}>
            <Icon aria-hidden />
            {label}
          </MenuItem>
        ))}
      </Menu>
    </nav>
  );
}
