import { DropdownMenu } from "radix-ui";
import type { ComponentProps, ReactElement, ReactNode } from "react";
import { cn } from "./cn";

/** `<Menu trigger={<Button>More</Button>}><MenuItem onSelect={...}>Edit</MenuItem></Menu>` */
export function Menu({ trigger, children }: { trigger: ReactElement; children: ReactNode }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={6}
          collisionPadding={8}
          className="z-50 min-w-44 animate-appear rounded-card border border-line bg-surface p-1"
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

type ItemProps = ComponentProps<typeof DropdownMenu.Item> & { danger?: boolean };

export function MenuItem({ danger = false, className, ...rest }: ItemProps) {
  return (
    <DropdownMenu.Item
      {...rest}
      className={cn(
        "flex min-h-10 cursor-pointer items-center gap-2.5 rounded-lg px-3 outline-none data-disabled:cursor-not-allowed data-disabled:opacity-55 data-highlighted:bg-subtle [&_svg]:size-4",
        danger && "text-danger-ink data-highlighted:bg-danger-soft",
        className,
      )}
    />
  );
}
