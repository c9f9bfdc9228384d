import { PhoneIncoming } from "lucide-react";
import { Button } from "../ui/Button";
import type { Ringing } from "./phone";
import { calleeOf, useAnswering } from "./usePhone";

/** Somebody else is called while one talks. It rings on, and can be picked up once the phone is free. */
export function AlsoRings({ call }: { call: Ringing | undefined }) {
  const { decline } = useAnswering();
  if (call === undefined) return null;
  return (
    <section
      aria-label="Second call"
      className="flex animate-rise items-center gap-3 rounded-control bg-info-soft py-1.5 pr-1.5 pl-3 text-info-ink text-sm"
    >
      <PhoneIncoming aria-hidden className="size-5 shrink-0" />
      <p className="min-w-0 flex-1 py-1">
        Floyd is also calling <span className="font-semibold">{calleeOf(call)}</span>. It rings on: hang up
        here to pick up there.
      </p>
      <Button size="sm" variant="ghost" className="text-info-ink" onClick={() => decline(call)}>
        Decline
      </Button>
    </section>
  );
}
