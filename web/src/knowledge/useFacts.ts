import { useMutation, useQuery } from "convex/react";
import { api, type Doc } from "../api";
import { toast } from "../ui/toast";
import { useAct } from "../ui/useAct";
import type { Sharing } from "./sharing";

export type Fact = Doc<"facts">;

export type Facts = {
  /** Newest first; undefined while they are loaded. */
  kept: Fact[] | undefined;
  offered: Fact[];
  rejected: Fact[];
};

export function useFacts(): Facts {
  const all = useQuery(api.facts.list, {})?.toReversed();
  const of = (status: Fact["status"]) => (all ?? []).filter((fact) => fact.status === status);
  return { kept: all && of("accepted"), offered: of("offered"), rejected: of("rejected") };
}

export type FactActions = {
  save: (fact: Fact, change: { text?: string; sharing?: Sharing }) => Promise<boolean>;
  accept: (fact: Fact, sharing: Sharing) => Promise<boolean>;
  reject: (fact: Fact) => Promise<boolean>;
  remove: (fact: Fact) => Promise<boolean>;
};

/** What can be done with a fact. What takes it away can be undone for a while. */
export function useFactActions(): FactActions {
  const update = useMutation(api.facts.update);
  const acceptFact = useMutation(api.facts.accept);
  const rejectFact = useMutation(api.facts.reject);
  const removeFact = useMutation(api.facts.remove);
  const restoreFact = useMutation(api.facts.restore);

  const save = useAct((fact: Fact, change: { text?: string; sharing?: Sharing }) =>
    update({ factId: fact._id, ...change }),
  );
  const accept = useAct((fact: Fact, sharing: Sharing) => acceptFact({ factId: fact._id, sharing }));
  const restore = useAct(({ _id, _creationTime, userId, ...fact }: Fact) => restoreFact({ fact }));
  const reject = useAct(async (fact: Fact) => {
    await rejectFact({ factId: fact._id });
    toast.say(`Floyd won't offer “${brief(fact.text)}” again.`, {
      label: "Undo",
      run: () => void accept.run(fact, fact.sharing),
    });
  });
  const remove = useAct(async (fact: Fact) => {
    await removeFact({ factId: fact._id });
    toast.say(`Floyd has forgotten “${brief(fact.text)}”.`, {
      label: "Undo",
      run: () => void restore.run(fact),
    });
  });
  return { save: save.run, accept: accept.run, reject: reject.run, remove: remove.run };
}

/** Enough to know which one it was; each message is about one fact, and none takes another's place. */
function brief(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60).trimEnd()} …`;
}
