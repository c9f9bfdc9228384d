import type { ReactElement } from "react";

/**
 * A few words about what they float over, for those who point at it or reach it by keyboard. Never the only place
 * where something is said: touch has no tooltips, and screen readers read the name of the thing itself.
 */
export function Tooltip({ text, children }: { text: string; children: ReactElement }) {
  return (
    <span className="group/tip relative inline-flex shrink-0">
      {children}
      <span
        aria-hidden
        className="pointer-events-none absolute bottom-full left-1/2 z-50 mb-1.5 hidden w-max max-w-48 -translate-x-1/2 rounded-lg bg-ink px-2.5 py-1 text-canvas text-sm delay-300 group-hover/tip:block group-has-focus-visible/tip:block starting:opacity-0"
      >
        {text}
      </span>
    </span>
  );
}
