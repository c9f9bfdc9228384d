import type { ReactNode } from "react";
import { Button, type ButtonProps } from "../ui/Button";
import { cn } from "../ui/cn";

type ControlProps = Omit<ButtonProps, "asChild" | "size" | "children"> & { icon: ReactNode; label: string };

/** One of the buttons of the control bar. On a phone four are side by side, with the name below the picture. */
export function Control({ icon, label, busy = false, className, ...rest }: ControlProps) {
  return (
    <Button
      {...rest}
      busy={busy}
      className={cn(
        "h-auto min-w-0 flex-1 shrink flex-col gap-1 whitespace-normal px-1 py-2 text-sm leading-4 sm:h-11 sm:flex-row sm:gap-2 sm:whitespace-nowrap sm:px-2 sm:py-0",
        className,
      )}
    >
      {busy ? null : icon}
      {label}
    </Button>
  );
}
