import { cn } from "./cn";

/** The place of something that is being loaded. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cn("animate-breathe rounded-lg bg-subtle", className)} />;
}

/** A few of them, as of a list; says that it is loading. */
export function SkeletonList({ rows = 4, label = "Loading" }: { rows?: number; label?: string }) {
  return (
    <div role="status" aria-label={label} className="flex flex-col gap-3">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same, and never change places
        <Skeleton key={row} className="h-20 rounded-card" />
      ))}
    </div>
  );
}
