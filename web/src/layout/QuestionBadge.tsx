import { useQuery } from "convex/react";
import { api } from "../api";
import { cn } from "../ui/cn";
import { usePerson } from "./usePerson";

/** How many questions wait for an answer; nothing when none do. */
export function QuestionBadge({ className }: { className: string }) {
  const open = useQuery(api.questions.open, usePerson() ? {} : "skip");
  if (open === undefined || open.length === 0) return null;
  return (
    <span
      className={cn(
        "flex h-5 min-w-5 items-center justify-center rounded-full bg-accent px-1 font-semibold text-on-accent text-xs",
        className,
      )}
    >
      {open.length}
      <span className="sr-only"> open</span>
    </span>
  );
}
