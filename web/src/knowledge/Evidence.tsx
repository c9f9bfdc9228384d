import { useQuery } from "convex/react";
import { useState } from "react";
import { Link } from "wouter";
import { api, type Doc } from "../api";
import { linesFragment } from "../request/evidence";
import { speakerName } from "../request/words";
import { paths } from "../routes";
import { Skeleton } from "../ui/Skeleton";

const SOURCES: Record<Doc<"facts">["source"], string> = {
  owner: "You told Floyd",
  import: "Imported by you",
  call: "Learnt in a call",
  answer: "From an answer of yours",
};

export function sourceOf(fact: Doc<"facts">): string {
  return SOURCES[fact.source];
}

/** Where a fact was learnt: loaded when somebody wants to know. Nothing for what the person wrote down. */
export function Evidence({ fact }: { fact: Doc<"facts"> }) {
  const [open, setOpen] = useState(false);
  if (fact.callId === undefined && fact.requestId === undefined) return null;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)} className="text-sm">
      <summary className="w-fit rounded text-accent-ink underline underline-offset-4">
        Where this comes from
      </summary>
      {open && <Shown fact={fact} />}
    </details>
  );
}

function Shown({ fact }: { fact: Doc<"facts"> }) {
  const evidence = useQuery(api.facts.evidence, { factId: fact._id });
  if (evidence === undefined) return <Skeleton className="mt-2 h-12" />;
  if (evidence === null) return <p className="mt-2 text-muted">The request is not there any more.</p>;
  const { requestId, requestText, lines } = evidence;
  const { callId } = fact;
  const seqs = lines.map(({ seq }) => seq);
  const fragment = callId === undefined || seqs.length === 0 ? "" : linesFragment({ callId, seqs });
  return (
    <div className="mt-2 flex flex-col gap-2 border-line border-l-2 pl-3">
      {lines.map(({ seq, speaker, text }) => (
        <blockquote key={seq}>
          <span className="text-muted">{speakerName(speaker, undefined)}:</span> “{text}”
        </blockquote>
      ))}
      {lines.length === 0 && callId !== undefined && (
        <p className="text-muted">No line of the call supports it: Floyd took it from the whole of it.</p>
      )}
      <p className="text-muted">
        Request:{" "}
        <Link
          href={`${paths.request(requestId)}${fragment}`}
          className="text-accent-ink underline underline-offset-4"
        >
          {requestText}
        </Link>
      </p>
    </div>
  );
}
