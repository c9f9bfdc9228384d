import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./Button";

type EmptyProps = { icon?: ReactNode; title: string; children?: ReactNode; action?: ReactNode };

/** Where a list would be, when there is nothing in it yet: what will be here, and how it gets here. */
export function EmptyState({ icon, title, children, action }: EmptyProps) {
  return (
    <div className="flex flex-col items-center gap-2 rounded-card border border-line border-dashed px-6 py-10 text-center">
      {icon !== undefined && (
        <div aria-hidden className="mb-1 text-muted [&_svg]:size-7">
          {icon}
        </div>
      )}
      <p className="font-semibold">{title}</p>
      {children !== undefined && <div className="max-w-prose text-muted">{children}</div>}
      {action !== undefined && <div className="mt-3">{action}</div>}
    </div>
  );
}

type ErrorProps = {
  title: string;
  children?: ReactNode;
  retry?: (() => void) | undefined;
  action?: ReactNode;
};

/** Something could not be shown: what, why, and what to do now. */
export function ErrorState({ title, children, retry, action }: ErrorProps) {
  return (
    <div
      role="alert"
      className="flex flex-col items-start gap-2 rounded-card bg-danger-soft p-5 text-danger-ink"
    >
      <p className="flex items-center gap-2 font-semibold">
        <CircleAlert aria-hidden className="size-5 shrink-0" />
        {title}
      </p>
      {children !== undefined && <div>{children}</div>}
      <div className="mt-1 flex flex-wrap gap-2">
        {retry !== undefined && <Button onClick={retry}>Try again</Button>}
        {action}
      </div>
    </div>
  );
}
