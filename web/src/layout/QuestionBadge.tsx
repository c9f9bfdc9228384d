import { cn } from "../ui/cn";
import { useOpenQuestions } from "./useOpenQuestions";

/** How many questions wait for an answer; nothing when none do. */
export function QuestionBadge({ className }: { className: string }) {
  const { length } = useOpenQuestions();
  if (length === 0) return null;
  return (
    <span
      className={cn(
        "flex h-5 min-w-5 items-center justify-center rounded-full bg-accent px-1 font-semibold text-on-accent text-xs",
        className,
      )}
    >
      {length}
      <span className="sr-only"> open</span>
    </span>
  );
}
