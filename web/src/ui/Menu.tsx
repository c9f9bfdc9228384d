import { DropdownMenu } from "radix-ui";
import type { ComponentProps, ReactElement, ReactNode } from "react";
import { cn } from "./cn";

/** `<Menu trigger={<Button>More</Button>}><MenuItem onSelect={...}>Edit</MenuItem></Menu>` */
export function Menu({ trigger, children }: { trigger: ReactElement; children: ReactNode }) {
  return (
    // The page stays as it is: nothing in a menu is so important that all else has to wait.
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      {/* In no portal: it belongs to the landmark of what opens it. */}
      <DropdownMenu.Content
        align="end"
        sideOffset={6}
        collisionPadding={8}
        onCloseAutoFocus={(event) => {
          // Back to what opened it, unless an item led elsewhere.
          if (document.activeElement !== document.body) event.preventDefault();
        }}
        className="z-50 max-h-(--radix-dropdown-menu-content-available-height) min-w-44 animate-appear overflow-y-auto rounded-card border border-line bg-surface p-1"
      >
        {children}
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  );
}

type ItemProps = ComponentProps<typeof DropdownMenu.Item> & { danger?: boolean };

export function MenuItem({ danger = false, className, ...rest }: ItemProps) {
  return (
    <DropdownMenu.Item
      {...rest}
      className={cn(
        "flex min-h-10 select-none items-center gap-2.5 rounded-lg px-3 outline-none data-disabled:pointer-events-none data-highlighted:bg-subtle data-disabled:opacity-55 forced-colors:data-highlighted:outline-2 [&_svg]:size-4",
        danger && "text-danger-ink data-highlighted:bg-danger-soft",
        className,
      )}
    />
  );
}
