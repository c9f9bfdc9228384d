import type { ReactNode } from "react";
import { linesFragment, type Target } from "./evidence";
import { useJump } from "./useTarget";

/** Leads to lines of the transcript, and highlights them. */
export function LineLink({ target, children }: { target: Target; children: ReactNode }) {
  const jump = useJump();
  const [first = 0, ...others] = target.seqs;
  const lines = others.length === 0 ? `line ${first + 1}` : `line ${first + 1} and ${others.length} more`;
  return (
    <a
      href={linesFragment(target)}
      // The same fragment again is no change of address: it should lead there all the same.
      onClick={() => jump(target)}
      className="whitespace-nowrap text-accent-ink tabular-nums underline decoration-from-font underline-offset-4 hover:decoration-2"
    >
      {children}
      <span className="sr-only"> (transcript, {lines})</span>
    </a>
  );
}
