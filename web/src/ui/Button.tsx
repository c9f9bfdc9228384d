import { cva, type VariantProps } from "class-variance-authority";
import { LoaderCircle } from "lucide-react";
import { Slot } from "radix-ui";
import type { ComponentProps } from "react";
import { cn } from "./cn";
import { Tooltip } from "./Tooltip";

export const buttonLook = cva(
  "inline-flex shrink-0 select-none items-center justify-center gap-2 whitespace-nowrap rounded-control border border-transparent font-medium transition-colors disabled:cursor-not-allowed disabled:opacity-55 [&_svg]:size-[1.15em] [&_svg]:shrink-0",
  {
    variants: {
      variant: {
        primary: "bg-accent text-on-accent enabled:hover:bg-accent-hover [a&]:hover:bg-accent-hover",
        secondary: "border-line bg-surface text-ink hover:bg-subtle",
        ghost: "text-ink hover:bg-subtle",
        danger: "bg-danger text-on-danger hover:bg-danger-hover",
        dangerGhost: "text-danger-ink hover:bg-danger-soft",
        link: "h-auto! px-0! text-accent-ink underline decoration-from-font underline-offset-4 hover:decoration-2",
      },
      size: {
        sm: "h-9 px-3 text-sm",
        md: "h-11 px-4",
        lg: "h-12 px-6 text-base",
        icon: "size-11 text-lg",
        iconSm: "size-9",
      },
    },
    defaultVariants: { variant: "secondary", size: "md" },
  },
);

type Look = VariantProps<typeof buttonLook>;

export type ButtonProps = ComponentProps<"button"> &
  Look & {
    /** Renders its only child, a link for example, with the look of a button. */
    asChild?: boolean;
    /** What was asked for is under way: not to be pressed again, and shown. */
    busy?: boolean;
  };

export function Button({ variant, size, asChild, busy = false, className, children, ...rest }: ButtonProps) {
  const classes = cn(buttonLook({ variant, size }), className);
  if (asChild)
    return (
      <Slot.Root className={classes} {...rest}>
        {children}
      </Slot.Root>
    );
  return (
    <button
      type="button"
      {...rest}
      className={classes}
      disabled={rest.disabled || busy}
      aria-busy={busy || undefined}
    >
      {busy && <LoaderCircle aria-hidden className="animate-spin" />}
      {children}
    </button>
  );
}

export type IconButtonProps = Omit<ButtonProps, "asChild" | "size" | "aria-label"> & {
  /** Its name, also shown as a tooltip. */
  label: string;
  size?: "icon" | "iconSm";
};

export function IconButton({
  label,
  variant = "ghost",
  size = "icon",
  busy,
  children,
  ...rest
}: IconButtonProps) {
  return (
    <Tooltip text={label}>
      <Button {...rest} variant={variant} size={size} busy={busy ?? false} aria-label={label}>
        {busy ? null : children}
      </Button>
    </Tooltip>
  );
}
