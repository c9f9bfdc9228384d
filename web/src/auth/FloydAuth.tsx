/** Signing in by Floyd itself: one-time links, sessions, short-lived tokens. */
import { ConvexProviderWithAuth, type ConvexReactClient } from "convex/react";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import { type Account, AccountContext } from "./account";
import { claimsOf, FloydSession, type SignInState } from "./session";

const SessionContext = createContext<FloydSession | null>(null);

export function useFloydSession(): FloydSession {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("useFloydSession is used outside of FloydAuth");
  return session;
}

export function useSignInState(): SignInState {
  const session = useFloydSession();
  return useSyncExternalStore(session.subscribe, () => session.state);
}

/** What `ConvexProviderWithAuth` asks for. */
export function useFloydAuth() {
  const session = useFloydSession();
  const { status, generation } = useSignInState();
  return useMemo(
    () => ({
      isLoading: false,
      isAuthenticated: status === "signedIn",
      // A new function for each session makes the client begin anew with its token.
      fetchAccessToken: (wanted: { forceRefreshToken: boolean }) =>
        session.state.generation === generation ? session.accessToken(wanted) : Promise.resolve(null),
    }),
    [session, status, generation],
  );
}

type Props = { workerUrl: string; client: ConvexReactClient; children: ReactNode };

/** Above everything that is signed in, or wants to be. */
export function FloydAuth({ workerUrl, client, children }: Props) {
  const session = useMemo(() => new FloydSession(workerUrl), [workerUrl]);
  return (
    <SessionContext value={session}>
      <ConvexProviderWithAuth client={client} useAuth={useFloydAuth}>
        <FloydAccount>{children}</FloydAccount>
      </ConvexProviderWithAuth>
    </SessionContext>
  );
}

function FloydAccount({ children }: { children: ReactNode }) {
  const session = useFloydSession();
  const { status, away, generation } = useSignInState();
  const operator = useOperator(session, generation);
  const account = useMemo(
    (): Account => ({
      status,
      away,
      generation,
      operator,
      accessToken: async () => {
        const token = await session.accessToken({ forceRefreshToken: false });
        if (token === null) throw new Error("You are signed out. Sign in again.");
        return token;
      },
      signOut: () => session.signOut(),
      tryNow: session.tryNow,
    }),
    [session, status, away, generation, operator],
  );
  return <AccountContext value={account}>{children}</AccountContext>;
}

function useOperator(session: FloydSession, generation: number): boolean {
  const [found, setFound] = useState({ generation: -1, operator: false });
  useEffect(() => {
    let wanted = true;
    void session.accessToken({ forceRefreshToken: false }).then((token) => {
      if (wanted) setFound({ generation, operator: token !== null && claimsOf(token)?.operator === true });
    });
    return () => {
      wanted = false;
    };
  }, [session, generation]);
  return found.generation === generation && found.operator;
}
