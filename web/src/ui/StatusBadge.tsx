import { Badge } from "./Badge";
import { requestState, type Stated } from "./requestState";
import { useNow } from "./useNow";

/** How it stands with a request, live. */
export function StatusBadge({ request }: { request: Stated }) {
  const { label, tone, live } = requestState(request, useNow());
  return (
    <Badge tone={tone}>
      <span aria-hidden className={`size-1.5 rounded-full bg-current ${live ? "animate-breathe" : ""}`} />
      {label}
    </Badge>
  );
}
