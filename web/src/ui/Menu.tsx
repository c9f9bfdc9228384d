import { Slot } from "radix-ui";
import {
  type ComponentProps,
  createContext,
  type KeyboardEvent,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { cn } from "./cn";
import { itemForKey } from "./menuKeys";

const GAP_PX = 6;
const EDGE_PX = 8;

const CloseContext = createContext<() => void>(() => undefined);

/** `<Menu trigger={<Button>More</Button>}><MenuItem onSelect={...}>Edit</MenuItem></Menu>` */
export function Menu({ trigger, children }: { trigger: ReactElement; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const id = useId();

  function close(): void {
    setOpen(false);
    button.current?.focus();
  }

  useLayoutEffect(() => {
    if (!open || menu.current === null || button.current === null) return;
    // Into the top layer, where nothing covers or clips it.
    menu.current.showPopover?.();
    place(menu.current, button.current.getBoundingClientRect());
    items(menu.current)[0]?.focus();
  }, [open]);

  useEffect(() => {
    if (!open) return;
    const leave = (event: Event) => {
      const inside = [menu.current, button.current].some((part) => part?.contains(event.target as Node));
      if (!inside) setOpen(false);
    };
    const moved = () => setOpen(false);
    document.addEventListener("pointerdown", leave, true);
    document.addEventListener("focusin", leave);
    window.addEventListener("resize", moved);
    window.addEventListener("scroll", moved, true);
    return () => {
      document.removeEventListener("pointerdown", leave, true);
      document.removeEventListener("focusin", leave);
      window.removeEventListener("resize", moved);
      window.removeEventListener("scroll", moved, true);
    };
  }, [open]);

  function pressed(event: KeyboardEvent): void {
    if (event.key === "Escape" || event.key === "Tab") {
      if (event.key === "Escape") event.preventDefault();
      // A dialog around it stays open.
      event.stopPropagation();
      close();
      return;
    }
    const all = menu.current === null ? [] : items(menu.current);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const names = all.map((item) => item.textContent ?? "");
    const next = itemForKey(event.key, names, at);
    if (next === null) return;
    event.preventDefault();
    all[next]?.focus();
  }

  return (
    <>
      <Slot.Root
        ref={button}
        aria-haspopup="menu"
        aria-expanded={open}
        {...(open ? { "aria-controls": id } : {})}
        onClick={() => setOpen(!open)}
        onKeyDown={(event: KeyboardEvent) => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          setOpen(true);
        }}
      >
        {trigger}
      </Slot.Root>
      {open && (
        <div
          ref={menu}
          id={id}
          role="menu"
          tabIndex={-1}
          popover="manual"
          aria-label={button.current?.getAttribute("aria-label") ?? button.current?.textContent ?? ""}
          onKeyDown={pressed}
          className="fixed inset-auto z-50 m-0 min-w-44 animate-appear rounded-card border border-line bg-surface p-1 text-ink"
        >
          <CloseContext value={close}>{children}</CloseContext>
        </div>
      )}
    </>
  );
}

type ItemProps = Omit<ComponentProps<"button">, "onSelect"> & { danger?: boolean; onSelect: () => void };

export function MenuItem({ danger = false, onSelect, className, ...rest }: ItemProps) {
  const close = useContext(CloseContext);
  return (
    <button
      {...rest}
      type="button"
      role="menuitem"
      tabIndex={-1}
      onClick={() => {
        close();
        onSelect();
      }}
      onPointerMove={(event) => event.currentTarget.focus()}
      className={cn(
        "flex min-h-10 w-full items-center gap-2.5 rounded-lg px-3 text-left outline-none focus:bg-subtle disabled:cursor-not-allowed disabled:opacity-55 [&_svg]:size-4",
        danger && "text-danger-ink focus:bg-danger-soft",
        className,
      )}
    />
  );
}

function items(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>('[role="menuitem"]:not(:disabled)')];
}

/** Below what opened it and flush with its right edge; above, where there is no room below. */
function place(menu: HTMLElement, at: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + GAP_PX;
  const top = below + height > innerHeight - EDGE_PX ? at.top - GAP_PX - height : below;
  menu.style.top = `${Math.max(EDGE_PX, top)}px`;
  menu.style.left = `${Math.max(EDGE_PX, Math.min(at.right, innerWidth - EDGE_PX) - width)}px`;
}
