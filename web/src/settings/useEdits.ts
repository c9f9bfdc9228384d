import { useState } from "react";
import { type Failure, failureOf } from "../ui/failure";
import { toast } from "../ui/toast";
import { useAct } from "../ui/useAct";

export type Edits<Values> = {
  /** What is stored, but for what was changed here and not saved: other tabs' changes are seen all the same. */
  values: Values;
  set: <Key extends keyof Values>(key: Key, value: Values[Key]) => void;
  changed: boolean;
  busy: boolean;
  /** Of the field that was refused. */
  wrong: Failure | null;
  save: () => void;
  discard: () => void;
};

/** The fields of a form over what is stored. `write` gets only what was changed. */
export function useEdits<Values extends Record<string, unknown>>(
  stored: Values,
  write: (changes: Partial<Values>, all: Values) => Promise<unknown>,
): Edits<Values> {
  const [edits, setEdits] = useState<Partial<Values>>({});
  const [wrong, setWrong] = useState<Failure | null>(null);
  const values = { ...stored, ...edits };
  const changes = differing(edits, stored);
  const { run, busy } = useAct(async () => {
    setWrong(null);
    try {
      await write(changes, values);
    } catch (error) {
      const failure = failureOf(error);
      if (failure?.field === undefined) throw error;
      setWrong(failure);
      return;
    }
    // What was typed meanwhile is not saved yet.
    setEdits((known) => differing(known, values));
    toast.say("Saved.");
  });
  return {
    values,
    set: (key, value) => setEdits((known) => ({ ...known, [key]: value })),
    changed: Object.keys(changes).length > 0,
    busy,
    wrong,
    save: () => void run(),
    discard: () => {
      setEdits({});
      setWrong(null);
    },
  };
}

/** Those of the edits that are not what there is already. */
function differing<Values extends Record<string, unknown>>(
  edits: Partial<Values>,
  there: Values,
): Partial<Values> {
  const found = Object.entries(edits).filter(([key, value]) => value !== there[key]);
  return Object.fromEntries(found) as Partial<Values>;
}
