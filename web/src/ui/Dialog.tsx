import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Button, type ButtonProps } from "./Button";
import { cn } from "./cn";

type DialogProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  children?: ReactNode;
  className?: string;
};

/** In the middle of the screen; on a phone at its lower edge. Escape and a tap beside it close it. */
export function Dialog({ open, ...rest }: DialogProps) {
  return open ? <Opened {...rest} /> : null;
}

function Opened({ onOpenChange, title, description, children, className }: Omit<DialogProps, "open">) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    // What there is to fill in comes first, not the button that closes.
    element?.querySelector<HTMLElement>("input, select, textarea")?.focus();
    return () => {
      element?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const close = () => onOpenChange(false);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={`${id}-title`}
      aria-describedby={description === undefined ? undefined : `${id}-description`}
      onCancel={(event) => {
        // A file input inside tells in the same way that no file was chosen.
        if (event.target !== event.currentTarget) return;
        event.preventDefault();
        close();
      }}
      // A browser closes it without asking when Escape is pressed twice.
      onClose={(event) => {
        if (event.target === event.currentTarget && !event.currentTarget.open) close();
      }}
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) close();
      }}
      className="m-0 mt-auto w-full max-w-none animate-rise rounded-t-2xl border border-line bg-surface text-ink backdrop:bg-veil sm:m-auto sm:max-w-lg sm:rounded-card"
    >
      <div className={cn("p-5 pb-[max(1.25rem,env(safe-area-inset-bottom))]", className)}>
        <div className="mb-3 flex items-start justify-between gap-4">
          <h2 id={`${id}-title`} className="font-semibold text-lg">
            {title}
          </h2>
          <Button variant="ghost" size="iconSm" aria-label="Close" onClick={close} className="-mt-1 -mr-2">
            <X aria-hidden />
          </Button>
        </div>
        {description !== undefined && (
          <div id={`${id}-description`} className="mb-4 text-muted">
            {description}
          </div>
        )}
        {children}
      </div>
    </dialog>
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
    <Dialog open={open} onOpenChange={onOpenChange} title={title} description={description}>
      <DialogButtons>
        <Button onClick={() => onOpenChange(false)}>Keep it</Button>
        <Button variant={variant ?? "danger"} busy={busy} onClick={() => void confirm()}>
          {action}
        </Button>
      </DialogButtons>
    </Dialog>
  );
}
