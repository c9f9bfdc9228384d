import { useQuery } from "convex/react";
import { api } from "../api";
import { usePerson } from "./usePerson";

/** How many questions wait for an answer; nothing when none do. */
export function QuestionBadge() {
  const open = useQuery(api.questions.open, usePerson() ? {} : "skip");
  if (open === undefined || open.length === 0) return null;
  return (
    <span className="absolute -top-2 -right-3 flex h-5 min-w-5 items-center justify-center rounded-full bg-accent px-1 font-semibold text-on-accent text-xs">
      {open.length}
      <span className="sr-only"> open:</span>
    </span>
  );
}
