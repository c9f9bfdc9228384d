import { useConvexConnectionState } from "convex/react";
import { useEffect, useState, useSyncExternalStore } from "react";

/** A connection that is back within this time, as after a restart of the deployment, is not worth a word. */
const GRACE_MS = 1_500;

export type DeploymentState = {
  /** What the page shows is live. */
  connected: boolean;
  /** It is not, and has not been for a while: what is typed is kept and sent later. */
  offline: boolean;
};

export function useDeploymentState(): DeploymentState {
  const { isWebSocketConnected } = useConvexConnectionState();
  const online = useSyncExternalStore(subscribeOnline, () => navigator.onLine);
  const connected = isWebSocketConnected && online;
  const [waited, setWaited] = useState(false);
  useEffect(() => {
    if (connected) return;
    const timer = setTimeout(() => setWaited(true), GRACE_MS);
    return () => {
      clearTimeout(timer);
      setWaited(false);
    };
  }, [connected]);
  return { connected, offline: !connected && (waited || !online) };
}

function subscribeOnline(listener: () => void): () => void {
  window.addEventListener("online", listener);
  window.addEventListener("offline", listener);
  return () => {
    window.removeEventListener("online", listener);
    window.removeEventListener("offline", listener);
  };
}
