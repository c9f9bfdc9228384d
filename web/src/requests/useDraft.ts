import { useEffect, useState } from "react";

export type Draft = {
  text: string;
  /** The number to call, as typed; empty: Floyd finds it. */
  to: string;
  /** Not before this, as `datetime-local` has it; empty: now. */
  when: string;
};

export type DraftState = { draft: Draft; change: (part: Partial<Draft>) => void; clear: () => void };

const EMPTY: Draft = { text: "", to: "", when: "" };

/** What is being written, kept in this tab, so that it is there after a look at another page or a reload. */
export function useDraft(personId: string): DraftState {
  const key = `floyd.draft.${personId}`;
  const [draft, setDraft] = useState(() => stored(key));
  useEffect(() => {
    if (draft.text === "" && draft.to === "" && draft.when === "") sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(draft));
  }, [key, draft]);
  return {
    draft,
    change: (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part })),
    clear: () => setDraft(EMPTY),
  };
}

function stored(key: string): Draft {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    const { text = "", to = "", when = "" } = (found ?? {}) as { [K in keyof Draft]?: unknown };
    return { text: String(text), to: String(to), when: String(when) };
  } catch {
    return EMPTY;
  }
}
