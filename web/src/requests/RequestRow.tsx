import { ChevronRight, Repeat } from "lucide-react";
import { Link } from "wouter";
import type { Doc } from "../api";
import { paths } from "../routes";
import { PhoneNumber } from "../ui/PhoneNumber";
import { StatusBadge } from "../ui/StatusBadge";
import { Time } from "../ui/Time";
import { useNow } from "../ui/useNow";

type RequestRowProps = {
  request: Doc<"requests">;
  /** What Floyd wants to know before it goes on. */
  question: string | undefined;
};

/** One request in the list: what was asked, how it stands, and what is most worth knowing about it now. */
export function RequestRow({ request, question }: RequestRowProps) {
  const { _id, text, number, toNumber, attempts, updatedAt, againOf } = request;
  const phone = number?.phone ?? toNumber;
  return (
    <Link
      href={paths.request(_id)}
      data-request={_id}
      className="group flex items-start gap-3 rounded-card border border-line bg-surface p-4 transition-colors hover:border-line-strong"
    >
      <div className="min-w-0 flex-1">
        <p className="line-clamp-2 font-medium">{text}</p>
        <Gist request={request} question={question} />
        <p className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1.5 text-muted text-sm">
          <StatusBadge request={request} />
          {number?.name !== undefined && <span>{number.name}</span>}
          {phone !== undefined && <PhoneNumber phone={phone} />}
          {attempts > 1 && <span>{attempts} calls</span>}
          {againOf !== undefined && (
            <span className="inline-flex items-center gap-1">
              <Repeat aria-hidden className="size-3.5" />
              again
            </span>
          )}
          <Time at={updatedAt} />
        </p>
      </div>
      <ChevronRight aria-hidden className="mt-0.5 size-5 shrink-0 text-muted group-hover:text-ink" />
    </Link>
  );
}

function Gist({ request, question }: RequestRowProps) {
  const now = useNow();
  const { status, notBefore, outcome } = request;
  if (status === "needsInput" && question !== undefined)
    return <p className="mt-1 line-clamp-2 text-warn-ink">{question}</p>;
  if (status === "pending" && notBefore > now)
    return (
      <p className="mt-1 text-muted">
        Floyd calls <Time at={notBefore} show="full" />
      </p>
    );
  if (outcome === undefined || outcome.summary === "") return null;
  return <p className="mt-1 line-clamp-2 text-muted">{outcome.summary}</p>;
}
