import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { runningClock } from "../request/times";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { type PhoneState, phone } from "./phone";
import { calleeOf } from "./usePhone";

/** The call is over, and where to read what came of it. */
export function Over({ state }: { state: Extract<PhoneState, { kind: "over" }> }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // The button that ended it is gone; whoever uses the keyboard goes on from here.
  useEffect(() => heading.current?.focus(), []);
  const { call, lasted, problem } = state;
  return (
    <section
      aria-label="Call over"
      className="flex flex-col items-center gap-3 rounded-card border border-line bg-surface px-4 py-8 text-center"
    >
      <h2 ref={heading} tabIndex={-1} className="font-semibold text-xl outline-none">
        The call is over
      </h2>
      <p className="text-muted">
        You played {calleeOf(call)}
        {lasted !== null && `, for ${runningClock(lasted)}`}.
      </p>
      {problem !== null && (
        <p role="alert" className="rounded-control bg-warn-soft px-3 py-2 text-warn-ink">
          {problem}
        </p>
      )}
      <div className="mt-2 flex flex-wrap justify-center gap-2">
        <Button asChild variant="primary">
          <Link href={paths.request(call.requestId)}>See what came of it</Link>
        </Button>
        <Button variant="ghost" onClick={() => phone.putDown()}>
          Done
        </Button>
      </div>
    </section>
  );
}
