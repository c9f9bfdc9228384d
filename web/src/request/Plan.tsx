import { useState } from "react";
import { Button } from "../ui/Button";
import { Section } from "../ui/Card";
import { cn } from "../ui/cn";
import type { Request } from "./show";

/** Longer plans are folded once the call has begun: then the talk is what matters. */
const FOLDED_FROM_CHARS = 400;

/** The plan as it is being written. */
export function Plan({ request, foldable }: { request: Request; foldable: boolean }) {
  const [open, setOpen] = useState(false);
  const plan = request.plan?.trim() ?? "";
  const writing = request.status === "inFlight" && request.planDone === false;
  if (plan === "" && !writing) return null;
  const long = foldable && plan.length > FOLDED_FROM_CHARS;
  return (
    <Section
      title="Plan"
      actions={
        long && (
          <Button variant="ghost" size="sm" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Show less" : "Show all"}
          </Button>
        )
      }
    >
      {plan === "" ? (
        <p className="text-muted">Floyd is thinking about how to go about it.</p>
      ) : (
        <p className={cn("whitespace-pre-wrap", long && !open && "line-clamp-6")} aria-busy={writing}>
          {plan}
          {writing && (
            <span
              aria-hidden
              className="ml-0.5 inline-block h-4 w-2 animate-breathe bg-accent align-middle"
            />
          )}
        </p>
      )}
    </Section>
  );
}
