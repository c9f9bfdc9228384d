import type { ComponentProps, ReactNode } from "react";
import { cn } from "./cn";

export function Card({ className, ...rest }: ComponentProps<"div">) {
  return <div {...rest} className={cn("rounded-card border border-line bg-surface p-4 sm:p-5", className)} />;
}

type SectionProps = Omit<ComponentProps<"section">, "title"> & { title: ReactNode; actions?: ReactNode };

/** A card with a heading of its own. */
export function Section({ title, actions, className, children, ...rest }: SectionProps) {
  return (
    <section {...rest} className={cn("rounded-card border border-line bg-surface p-4 sm:p-5", className)}>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <h2 className="font-semibold text-base">{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}
