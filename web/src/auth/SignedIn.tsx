/** What only people who are signed in see, and what they see while that is not certain. */
import { useConvexAuth } from "convex/react";
import { Fragment, type ReactNode, useEffect } from "react";
import { Redirect } from "wouter";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { ErrorState } from "../ui/States";
import { toast } from "../ui/toast";
import { useAccount } from "./account";

type Props = {
  /** Shown while the token is fetched and the deployment looks at it. */
  waiting: ReactNode;
  children: ReactNode;
};

export function SignedIn({ waiting, children }: Props) {
  const { isLoading, isAuthenticated } = useConvexAuth();
  const account = useAccount();
  const { generation } = account;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was said to one person is taken away from the next
  useEffect(() => toast.clear, [generation]);
  if (account.status === "signedOut") return <Redirect to={paths.signIn} replace />;
  // The key: nothing that one person typed or opened is there for the next.
  if (isAuthenticated) return <Fragment key={generation}>{children}</Fragment>;
  if (account.away) return <Away retry={account.tryNow} />;
  return isLoading || account.status === "loading" ? waiting : <NotAccepted signOut={account.signOut} />;
}

function Away({ retry }: { retry: () => void }) {
  return (
    <div className="mx-auto max-w-xl px-4 py-16">
      <ErrorState title="Floyd does not answer" retry={retry}>
        You are still signed in. This page tries again by itself. If it goes on, check that Floyd is running.
      </ErrorState>
    </div>
  );
}

function NotAccepted({ signOut }: { signOut: () => Promise<void> }) {
  return (
    <div className="mx-auto max-w-xl px-4 py-16">
      <ErrorState
        title="The database does not accept your sign-in"
        retry={() => location.reload()}
        action={<Button onClick={() => void signOut()}>Sign out</Button>}
      >
        It may have been set up with other keys than the worker's. Whoever runs this Floyd finds out more with
        the command floyd doctor.
      </ErrorState>
    </div>
  );
}
