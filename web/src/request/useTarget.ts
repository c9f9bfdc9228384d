import { createContext, useCallback, useContext, useEffect, useState } from "react";
import { type Target, targetOf } from "./evidence";

/** An object of its own each time something is jumped to, so that jumping to the same lines again is noticed. */
export type Jump = Target;

/** Where the reader wants to be: what the address's fragment points at, or what was last jumped to. */
export function useTarget(): { target: Jump | null; jump: (target: Target) => void } {
  const [target, setTarget] = useState<Jump | null>(() => targetOf(location.hash));
  useEffect(() => {
    const follow = () => setTarget(targetOf(location.hash));
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  const jump = useCallback((to: Target) => setTarget({ ...to }), []);
  return { target, jump };
}

export const JumpContext = createContext<(target: Target) => void>(() => undefined);

export function useJump(): (target: Target) => void {
  return useContext(JumpContext);
}
