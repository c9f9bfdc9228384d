import { CircleAlert, X } from "lucide-react";
import { Toaster } from "sonner";
import { buttonLook } from "./Button";
import { cn } from "./cn";
import { MAX_SHOWN } from "./toast";

/** Above the bar of pages on a phone, else at the edge. */
const offset = { top: "max(1rem, env(safe-area-inset-top))", bottom: "var(--lift)" };

/**
 * Once on the page. The region is always there, so that what appears in it is read out; Alt+T leads to it. It is above
 * an open dialog, which makes the rest of the page unreachable for the pointer, and not this.
 */
export function Toasts() {
  return (
    <Toaster
      containerAriaLabel="Messages"
      position="bottom-center"
      visibleToasts={MAX_SHOWN}
      expand
      gap={8}
      offset={offset}
      mobileOffset={offset}
      closeButton
      icons={{ error: <CircleAlert aria-hidden className="size-5" />, close: <X aria-hidden /> }}
      className="pointer-events-auto z-60! font-sans! [--lift:calc(4.75rem+env(safe-area-inset-bottom))] [--width:28rem]! md:[--lift:1.5rem]"
      toastOptions={{
        unstyled: true,
        closeButtonAriaLabel: "Close message",
        classNames: {
          toast:
            "flex w-full items-center gap-3 rounded-card border py-1.5 pr-1.5 pl-4 focus-visible:outline-2! focus-visible:outline-offset-2 focus-visible:outline-accent!",
          default: "border-line bg-surface text-ink",
          error: "border-danger bg-danger-soft text-danger-ink",
          content: "min-w-0 flex-1 py-1.5",
          actionButton: cn(buttonLook({ size: "sm" })),
          // It comes first in the document, and last for the eye and the thumb.
          closeButton: cn(buttonLook({ variant: "ghost", size: "iconSm" }), "order-last"),
        },
      }}
    />
  );
}

export function isToast(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("[data-sonner-toast]") !== null;
}
