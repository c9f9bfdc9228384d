import { Component, type ErrorInfo, type ReactNode } from "react";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { failureOf } from "../ui/failure";
import { ErrorState } from "../ui/States";

type Props = {
  children: ReactNode;
  /** When it changes, the next attempt is made: the address of the page. */
  resetOn?: string;
};
type State = { error: unknown; of: string | undefined };

const NOTHING = Symbol("nothing went wrong");

/** What goes wrong in a page stays in that page. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: NOTHING, of: undefined };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error };
  }

  static getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    return props.resetOn === state.of ? null : { error: NOTHING, of: props.resetOn };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    console.error(error, info.componentStack);
  }

  override render(): ReactNode {
    if (this.state.error === NOTHING) return this.props.children;
    return (
      <div className="mx-auto max-w-3xl px-4 py-8">
        <Explained error={this.state.error} retry={() => this.setState({ error: NOTHING })} />
      </div>
    );
  }
}

/** Browsers agree on no type for this: a part of the page was not there, or not reachable, when it was needed. */
const NOT_LOADED = /dynamically imported module|importing a module script|unable to preload/i;

function Explained({ error, retry }: { error: unknown; retry: () => void }) {
  const failure = failureOf(error);
  const anew = <Button onClick={() => location.reload()}>Load the page anew</Button>;
  if (error instanceof Error && NOT_LOADED.test(error.message))
    return (
      <ErrorState title="This part of the page could not be loaded" action={anew}>
        Floyd may have been renewed meanwhile, or the connection is gone.
      </ErrorState>
    );
  if (failure?.code === "NOT_FOUND")
    return (
      <ErrorState title="This is not here">
        It may have been removed, or it belongs to somebody else.{" "}
        <a href={paths.requests} className="underline underline-offset-4">
          Go to your requests
        </a>
      </ErrorState>
    );
  if (failure !== null)
    return (
      <ErrorState title="This can't be shown" retry={retry}>
        {failure.message}
      </ErrorState>
    );
  return (
    <ErrorState title="Something went wrong on this page" retry={retry} action={anew}>
      Your requests and calls are not affected: they go on without this page.
    </ErrorState>
  );
}
