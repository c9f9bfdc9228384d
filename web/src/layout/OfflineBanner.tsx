import { CloudOff } from "lucide-react";
import { useDeploymentState } from "./useDeploymentState";

/** Says that what is shown may be old. The region is always there, so that it is read out when it is filled. */
export function OfflineBanner() {
  const { offline } = useDeploymentState();
  return (
    <div role="status" aria-label="Connection">
      {offline && (
        <p className="flex items-center justify-center gap-2 bg-warn-soft px-4 py-2 text-center text-sm text-warn-ink">
          <CloudOff aria-hidden className="size-4 shrink-0" />
          No connection. You see the last known state; what you send goes out when the connection is back.
        </p>
      )}
    </div>
  );
}
