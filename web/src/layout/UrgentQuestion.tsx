import { PhoneCall } from "lucide-react";
import { Link, useLocation } from "wouter";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { useOpenQuestions } from "./useOpenQuestions";

/** While somebody holds the line for an answer, every page says so, but for those where it can be given. */
export function UrgentQuestion() {
  const [location] = useLocation();
  const urgent = useOpenQuestions()
    .filter(({ callId, requestId }) => callId !== undefined && location !== paths.request(requestId))
    .sort((a, b) => a.deadline - b.deadline)[0];
  const shown = location === paths.questions ? undefined : urgent;
  return (
    <div role="status" aria-label="Question">
      {shown !== undefined && (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2 bg-accent-soft px-4 py-3 text-accent-ink sm:px-6">
          <PhoneCall aria-hidden className="size-5 shrink-0" />
          <p className="min-w-0 flex-1 basis-48">
            <span className="font-semibold">Somebody holds the line.</span> {shown.text}
          </p>
          <Button asChild variant="primary" size="sm">
            <Link href={paths.request(shown.requestId)}>Answer</Link>
          </Button>
        </div>
      )}
    </div>
  );
}
