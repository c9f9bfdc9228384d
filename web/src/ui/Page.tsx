import { type ReactNode, useEffect } from "react";
import { cn } from "./cn";

type PageProps = {
  /** The heading, and the title of the browser's tab. */
  title: string;
  subtitle?: ReactNode;
  actions?: ReactNode;
  /** For pages with two columns. */
  wide?: boolean;
  children?: ReactNode;
};

/** What every page begins with. */
export function Page({ title, subtitle, actions, wide = false, children }: PageProps) {
  useEffect(() => {
    document.title = title === "Floyd" ? title : `${title} · Floyd`;
  }, [title]);
  return (
    <div
      className={cn(
        "mx-auto flex w-full flex-col gap-5 px-4 py-5 sm:px-6 md:py-8",
        wide ? "max-w-6xl" : "max-w-3xl",
      )}
    >
      <header className="flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h1 className="font-semibold text-2xl leading-8 tracking-tight">{title}</h1>
          {subtitle !== undefined && <div className="mt-1 text-muted">{subtitle}</div>}
        </div>
        {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
