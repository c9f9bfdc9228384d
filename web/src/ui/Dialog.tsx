import { X } from "lucide-react";
import { AlertDialog, Dialog as Parts } from "radix-ui";
import { type ReactNode, useRef, useState } from "react";
import { Button, type ButtonProps } from "./Button";
import { isToast } from "./Toasts";

type DialogProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  children?: ReactNode;
};

const veil = "fixed inset-0 z-40 animate-appear bg-veil";
/** In the middle of the screen; on a phone at its lower edge. */
const panel =
  "fixed inset-x-0 bottom-0 z-50 max-h-[calc(100dvh-2rem)] animate-rise overflow-y-auto overscroll-contain rounded-t-2xl border border-line bg-surface p-5 pb-[max(1.25rem,env(safe-area-inset-bottom))] outline-none sm:inset-0 sm:m-auto sm:h-fit sm:max-w-lg sm:rounded-card sm:pb-5";
const heading = "font-semibold text-lg";

/** Escape and a tap beside it close it. */
export function Dialog({ open, onOpenChange, title, description, children }: DialogProps) {
  const focus = useFocusAround();
  return (
    <Parts.Root open={open} onOpenChange={onOpenChange}>
      <Parts.Portal>
        <Parts.Overlay className={veil} />
        <Parts.Content
          {...focus}
          onPointerDownOutside={(event) => {
            // A message over the dialog may be read and closed without losing what is in it.
            if (isToast(event.target)) event.preventDefault();
          }}
          className={panel}
        >
          <div className="mb-3 flex items-start justify-between gap-4">
            <Parts.Title className={heading}>{title}</Parts.Title>
            <Parts.Close asChild>
              <Button variant="ghost" size="iconSm" aria-label="Close" className="-mt-1 -mr-2">
                <X aria-hidden />
              </Button>
            </Parts.Close>
          </div>
          {description !== undefined && (
            <Parts.Description className="mb-4 text-muted">{description}</Parts.Description>
          )}
          {children}
        </Parts.Content>
      </Parts.Portal>
    </Parts.Root>
  );
}

/** The row of buttons at the end of a dialog. */
export function DialogButtons({ children }: { children: ReactNode }) {
  return <div className="mt-5 flex flex-col-reverse gap-2 sm:flex-row sm:justify-end">{children}</div>;
}

type ConfirmProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description: ReactNode;
  /** What is done, as a verb: "Delete". */
  action: string;
  variant?: ButtonProps["variant"];
  onConfirm: () => Promise<unknown> | unknown;
};

/** For what can't be undone. Stays open and busy until it is done. */
export function Confirm({
  open,
  onOpenChange,
  title,
  description,
  action,
  variant,
  onConfirm,
}: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const focus = useFocusAround();
  async function confirm() {
    setBusy(true);
    try {
      await onConfirm();
      onOpenChange(false);
    } finally {
      setBusy(false);
    }
  }
  return (
    <AlertDialog.Root open={open} onOpenChange={onOpenChange}>
      <AlertDialog.Portal>
        {/* A tap beside it does nothing, so it does not take the focus either. */}
        <AlertDialog.Overlay className={veil} onMouseDown={(event) => event.preventDefault()} />
        <AlertDialog.Content {...focus} className={panel}>
          <AlertDialog.Title className={heading}>{title}</AlertDialog.Title>
          <AlertDialog.Description className="mt-2 text-muted">{description}</AlertDialog.Description>
          <DialogButtons>
            <AlertDialog.Cancel asChild>
              <Button>Keep it</Button>
            </AlertDialog.Cancel>
            {/* No AlertDialog.Action: that closes at once, done or not. */}
            <Button variant={variant ?? "danger"} busy={busy} onClick={() => void confirm()}>
              {action}
            </Button>
          </DialogButtons>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

/**
 * Where the focus goes: what there is to fill in comes first, not the button that closes; and in the end it goes back
 * to what opened the dialog. Dialogs here are opened by what their owner knows, so none has a trigger to go back to.
 */
function useFocusAround() {
  const opener = useRef<Element>(null);
  return {
    onOpenAutoFocus(event: Event) {
      opener.current = document.activeElement;
      const dialog = event.currentTarget as HTMLElement;
      const field = dialog.querySelector<HTMLElement>("input, select, textarea");
      if (field === null) return;
      event.preventDefault();
      field.focus();
    },
    onCloseAutoFocus(event: Event) {
      event.preventDefault();
      if (opener.current instanceof HTMLElement) opener.current.focus();
    },
  };
}
