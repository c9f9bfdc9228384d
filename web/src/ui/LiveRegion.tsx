import type { ReactNode } from "react";
import { cn } from "./cn";

type LiveRegionProps = {
  /** Read out each time it changes. */
  children: ReactNode;
  /** Also for those who see. */
  visible?: boolean;
  className?: string;
};

/** What changes by itself and should be heard of, politely. Keep it mounted: only changes are read out. */
export function LiveRegion({ children, visible = false, className }: LiveRegionProps) {
  return (
    <div role="status" aria-live="polite" className={cn(!visible && "sr-only", className)}>
      {children}
    </div>
  );
}
