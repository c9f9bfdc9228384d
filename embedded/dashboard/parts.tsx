/** Small things that every panel uses. */
import { useQuery } from "convex/react";
import { Component, type ReactNode, useEffect, useRef } from "react";
import { query, useConnection } from "./connection.ts";

export function Loading(): ReactNode {
  return <p className="quiet">Loading…</p>;
}

export function Empty({ children }: { children: ReactNode }): ReactNode {
  return <p className="quiet empty">{children}</p>;
}

export function Problem({ error }: { error: string | null }): ReactNode {
  return error === null ? null : (
    <p className="problem" role="alert">
      {error}
    </p>
  );
}

/** A live result of one of the deployment's system functions; undefined until it is known. */
export function useSystem<T>(name: string, args: Record<string, unknown> = {}): T | undefined {
  const { component } = useConnection();
  return useQuery(query(name), { ...args, component }) as T | undefined;
}

/** What goes wrong inside a panel is shown in its place; the others stay. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div>
        <Problem error={error.message} />
        <button type="button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </div>
    );
  }
}

export function Dialog(props: { title: string; onClose: () => void; children: ReactNode }): ReactNode {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current?.showModal(), []);
  return (
    <dialog ref={ref} onClose={props.onClose} aria-label={props.title}>
      <header className="dialog-head">
        <h2>{props.title}</h2>
        <button type="button" className="plain" aria-label="Close" onClick={props.onClose}>
          ✕
        </button>
      </header>
      {props.children}
    </dialog>
  );
}
