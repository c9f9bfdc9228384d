import { useConvex, useConvexAuth, useQuery } from "convex/react";
import { useCallback, useMemo, useSyncExternalStore } from "react";
import { api, type Id } from "../api";
import { useWorker, WorkerError } from "../audio/worker";
import { useConfig } from "../config";
import { spacedNumber } from "../ui/phoneNumbers";
import { toast } from "../ui/toast";
import { type PhoneState, phone, type Ringing } from "./phone";

const NOBODY: Ringing[] = [];

/** Who calls, on every page of this person at once; empty where calls go over the telephone. */
export function useRinging(): Ringing[] {
  const { line } = useConfig();
  const { isAuthenticated } = useConvexAuth();
  return useQuery(api.calls.ringing, line === "browser" && isAuthenticated ? {} : "skip") ?? NOBODY;
}

export function usePhone(): PhoneState {
  return useSyncExternalStore(phone.subscribe, phone.current);
}

/** Who calls and may be picked up now: nobody while one talks. And who calls meanwhile, to be picked up afterwards. */
export function useCalls(): { first: Ringing | undefined; second: Ringing | undefined } {
  const state = usePhone();
  const ringing = useRinging();
  if (state.kind !== "up") return { first: ringing[0], second: undefined };
  // The one that was picked up rings on until the connection stands.
  return { first: undefined, second: ringing.find(({ callId }) => callId !== state.call.callId) };
}

export type Answering = {
  pickUp: (call: Ringing, speaking: boolean) => void;
  decline: (call: Ringing) => void;
};

/** What to do about a call that rings. */
export function useAnswering(): Answering {
  const worker = useWorker();
  const convex = useConvex();
  const find = useCallback(
    async (callId: Id<"calls">) => {
      const { address } = await convex.query(api.calls.access, { callId });
      return address?.replace(/\/$/, "") ?? null;
    },
    [convex],
  );
  return useMemo(
    () => ({
      pickUp: (call, speaking) => void phone.pickUp(worker, call, speaking, find),
      decline: (call) => {
        phone.decline(worker, call.callId, find).catch((error: unknown) => {
          toast.error(error instanceof WorkerError ? error.message : "The call could not be declined.");
        });
      },
    }),
    [worker, find],
  );
}

/** What to call whoever is called: by name, or else by number. */
export function calleeOf(call: Pick<Ringing, "calleeName" | "to">): string {
  return call.calleeName ?? spacedNumber(call.to);
}
