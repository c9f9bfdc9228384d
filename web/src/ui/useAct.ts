import { useCallback, useRef, useState } from "react";
import { messageOf } from "./failure";
import { toast } from "./toast";

export type Act<Args extends unknown[]> = {
  /** True when it worked. What did not is shown as a toast. A second call while one is under way does nothing. */
  run: (...args: Args) => Promise<boolean>;
  busy: boolean;
};

/** Something a button does: `const cancel = useAct(() => cancelRequest({ requestId }))`. */
export function useAct<Args extends unknown[]>(act: (...args: Args) => Promise<unknown>): Act<Args> {
  const [busy, setBusy] = useState(false);
  const latest = useRef(act);
  latest.current = act;
  const underWay = useRef(false);
  const run = useCallback(async (...args: Args): Promise<boolean> => {
    if (underWay.current) return false;
    underWay.current = true;
    setBusy(true);
    try {
      await latest.current(...args);
      return true;
    } catch (error) {
      toast.error(messageOf(error));
      return false;
    } finally {
      underWay.current = false;
      setBusy(false);
    }
  }, []);
  return { run, busy };
}
