import { X } from "lucide-react";
import { useLayoutEffect, useRef, useSyncExternalStore } from "react";
import { Button } from "./Button";
import { cn } from "./cn";
import { close, current, pause, resume, subscribe, type Toast } from "./toast";

/** Once on the page. The region is always there, so that what appears in it is read out. */
export function Toasts() {
  const toasts = useSyncExternalStore(subscribe, current);
  const region = useRef<HTMLElement>(null);
  const newest = toasts.at(-1)?.id;
  useLayoutEffect(() => {
    const element = region.current;
    if (element === null) return;
    element.popover = null;
    if (newest === undefined || document.querySelector("dialog[open]") === null) return;
    // What is not in the top layer, above an open dialog, would be below its veil.
    element.popover = "manual";
    element.showPopover();
  }, [newest]);
  return (
    <section
      ref={region}
      aria-label="Messages"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-0 top-auto bottom-[calc(4.5rem+env(safe-area-inset-bottom))] z-50 m-0 flex w-full flex-col items-center gap-2 overflow-visible bg-transparent px-4 text-ink md:bottom-6"
    >
      {toasts.map((toast) => (
        <Message key={toast.id} toast={toast} />
      ))}
    </section>
  );
}

function Message({ toast }: { toast: Toast }) {
  const { id, tone, text, action } = toast;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: pointing at it only keeps it from going away
    <div
      onPointerEnter={() => pause(id)}
      onPointerLeave={() => resume(id)}
      onFocus={() => pause(id)}
      onBlur={() => resume(id)}
      className={cn(
        "pointer-events-auto flex w-full max-w-md animate-rise items-center gap-3 rounded-card border py-1.5 pr-1.5 pl-4",
        tone === "error" ? "border-danger bg-danger-soft text-danger-ink" : "border-line bg-surface",
      )}
    >
      <p className="flex-1 py-1.5">{text}</p>
      {action !== undefined && (
        <Button
          size="sm"
          onClick={() => {
            close(id);
            action.run();
          }}
        >
          {action.label}
        </Button>
      )}
      <Button variant="ghost" size="iconSm" aria-label="Close message" onClick={() => close(id)}>
        <X aria-hidden />
      </Button>
    </div>
  );
}
