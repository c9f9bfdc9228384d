import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { cn } from "../ui/cn";
import { type Destination, isAt } from "./navigation";

type NavLinkProps = {
  to: Destination;
  label?: string;
  badge?: ReactNode;
  className?: string;
  activeClassName: string;
};

export function NavLink({ to, label = to.label, badge, className, activeClassName }: NavLinkProps) {
  const [location] = useLocation();
  const here = isAt(to, location);
  const Icon = to.icon;
  return (
    <Link
      href={to.path}
      aria-current={here ? "page" : undefined}
      className={cn(className, here && activeClassName)}
    >
      <Icon aria-hidden className="size-5" />
      <span>{label}</span>
      {badge}
    </Link>
  );
}
