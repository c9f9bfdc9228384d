import { useQuery } from "convex/react";
import { X } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { api } from "../api";
import { heardAndCut, mergeLines, type Row, rowsOf } from "../request/transcript";
import { IconButton } from "../ui/Button";
import { cn } from "../ui/cn";
import { phone, type Ringing, type Typed } from "./phone";

/** Somebody this close to the end wants to follow what is said. */
const AT_END_PX = 64;

/** What is said on the call, as the deployment has it; and what was typed and is still to be heard. */
export function Captions({ call, typed }: { call: Ringing; typed: Typed[] }) {
  const show = useQuery(api.requests.show, { requestId: call.requestId });
  const rows = useMemo(() => {
    const own = (row: { callId: string }) => row.callId === call.callId;
    if (show === undefined) return [];
    const calls = show.calls.filter((one) => one._id === call.callId);
    return rowsOf(calls, mergeLines(show.transcript.filter(own)), show.live.filter(own));
  }, [show, call.callId]);
  const scroller = useFollowed(rows, typed);
  const lines = rows.filter((row) => row.kind === "line");
  const live = rows.find((row) => row.kind === "live");
  return (
    <section
      ref={scroller}
      aria-label="Captions"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrollable with the keyboard
      tabIndex={0}
      className="flex h-[clamp(9rem,30dvh,22rem)] flex-col gap-2 overflow-y-auto overscroll-contain rounded-control bg-subtle p-3"
    >
      {rows.length === 0 && typed.length === 0 && (
        <p className="m-auto text-center text-muted">What is said will stand here.</p>
      )}
      <div role="log" aria-live="polite" className="flex flex-col gap-2">
        {lines.map((row) => (
          <Bubble key={row.key} own={row.line.speaker === "callee"} who={who(row.line.speaker)}>
            <Heard row={row} />
          </Bubble>
        ))}
      </div>
      {live !== undefined && (
        <Bubble own={live.live.speaker === "callee"} who={who(live.live.speaker)}>
          <span className="text-muted">
            {live.live.text}
            <span aria-hidden className="animate-breathe">
              {" …"}
            </span>
          </span>
        </Bubble>
      )}
      {typed.map((one) => (
        <Waiting key={one.id} typed={one} />
      ))}
    </section>
  );
}

function who(speaker: "floyd" | "callee" | "owner"): string {
  switch (speaker) {
    case "floyd":
      return "Floyd";
    case "owner":
      return "Floyd's owner";
    case "callee":
      return "You";
  }
}

function Bubble({ own, who: name, children }: { own: boolean; who: string; children: ReactNode }) {
  return (
    <p
      className={cn(
        "max-w-[85%] whitespace-pre-wrap rounded-card px-3 py-2",
        own ? "self-end bg-accent-soft" : "self-start border border-line bg-surface",
      )}
    >
      <span className="sr-only">{name}: </span>
      {children}
    </p>
  );
}

function Heard({ row }: { row: Extract<Row, { kind: "line" }> }) {
  const { heard, cut } = heardAndCut(row.line);
  return (
    <>
      {heard}
      {row.line.interrupted && <span className="text-muted"> —</span>}
      {cut !== "" && <s className="text-muted"> {cut}</s>}
    </>
  );
}

function Waiting({ typed }: { typed: Typed }) {
  return (
    <div className="flex max-w-[85%] items-start gap-1 self-end">
      <p className="rounded-card border border-line-strong border-dashed px-3 py-2 text-muted">
        {typed.text}
        <span role="status" className={cn("block text-sm", typed.failed !== null && "text-danger-ink")}>
          {typed.failed ?? "Being said…"}
        </span>
      </p>
      {typed.failed !== null && (
        <IconButton size="iconSm" label="Remove" onClick={() => phone.forget(typed.id)}>
          <X aria-hidden />
        </IconButton>
      )}
    </div>
  );
}

/** Scrolls with what is said, until the reader scrolls up. */
function useFollowed(rows: Row[], typed: Typed[]) {
  const scroller = useRef<HTMLElement>(null);
  const following = useRef(true);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const onScroll = () => {
      following.current = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX;
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => element.removeEventListener("scroll", onScroll);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever there is something new
  useEffect(() => {
    const element = scroller.current;
    if (element !== null && following.current) element.scrollTop = element.scrollHeight;
  }, [rows, typed]);
  return scroller;
}
