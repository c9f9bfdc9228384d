/** Where a one-time link leads. Loaded when it is needed. */
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useLocation } from "wouter";
import { paths } from "../routes";
import { Button } from "../ui/Button";
import { Field, Input } from "../ui/Field";
import { useFloydSession, useSignInState } from "./FloydAuth";
import { codeIn, forgetLinkCode, linkCode, onLinkCode } from "./linkCode";
import { SignInError } from "./session";

export default function SignInPage() {
  const session = useFloydSession();
  const { status, because, away } = useSignInState();
  const code = useSyncExternalStore(onLinkCode, linkCode);
  const [, navigate] = useLocation();
  // Whether the session that this browser has still holds is not known before the worker has said so.
  const [confirmed, setConfirmed] = useState(status === "signedOut");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const using = useRef<string | null>(null);

  useEffect(() => {
    document.title = "Sign in · Floyd";
  }, []);

  useEffect(() => {
    if (confirmed) return;
    let wanted = true;
    void session.accessToken({ forceRefreshToken: true }).then(() => wanted && setConfirmed(true));
    return () => {
      wanted = false;
    };
  }, [session, confirmed]);

  const signIn = async (wanted: string) => {
    // Each code is good for one attempt, however often React runs an effect.
    if (using.current === wanted) return;
    using.current = wanted;
    setBusy(true);
    setProblem("");
    try {
      await session.signIn(wanted);
      forgetLinkCode();
      navigate(paths.requests, { replace: true });
    } catch (error) {
      const again = error instanceof SignInError && error.code === "AWAY";
      if (!again) forgetLinkCode();
      using.current = null;
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  // A link signs in by itself, unless somebody is signed in already: then they are asked, since whoever sends a
  // link could otherwise swap the account under them.
  const decided = confirmed && status === "signedOut";
  const start = useRef(signIn);
  start.current = signIn;
  useEffect(() => {
    if (decided && code !== null) void start.current(code);
  }, [decided, code]);

  if (away && !confirmed) {
    return (
      <Centre title="Floyd does not answer">
        <p>You are still signed in. This page tries again by itself.</p>
        <Button onClick={session.tryNow}>Try again</Button>
      </Centre>
    );
  }
  if (busy || !confirmed) {
    return (
      <Centre title="Signing you in">
        <p role="status">One moment.</p>
      </Centre>
    );
  }
  if (status === "signedIn") {
    return (
      <Centre title={code === null ? "You are signed in" : "You are signed in already"}>
        {problem !== "" && <Problem text={problem} />}
        {code !== null && <p>The link that you opened would sign you in anew, perhaps as somebody else.</p>}
        <div className="flex flex-wrap gap-3">
          <Button
            variant="primary"
            onClick={() => {
              forgetLinkCode();
              navigate(paths.requests, { replace: true });
            }}
          >
            {code === null ? "To your requests" : "Stay as you are"}
          </Button>
          {code === null ? (
            <Button onClick={() => void session.signOut()}>Sign out</Button>
          ) : (
            <Button onClick={() => void signIn(code)}>Use the link</Button>
          )}
        </div>
      </Centre>
    );
  }
  return (
    <Centre title="Sign in to Floyd">
      {problem !== "" && <Problem text={problem} />}
      {problem === "" && because === "ended" && (
        <p role="status">Your sign-in here has ended: it was ended elsewhere, or not used for a long time.</p>
      )}
      {problem === "" && because === "chosen" && <p role="status">You are signed out, in all tabs.</p>}
      {code !== null && problem !== "" ? (
        <Button variant="primary" onClick={() => void signIn(code)}>
          Try again
        </Button>
      ) : (
        <Paste signIn={signIn} />
      )}
    </Centre>
  );
}

function Paste({ signIn }: { signIn: (code: string) => Promise<void> }) {
  const [pasted, setPasted] = useState("");
  const [error, setError] = useState("");
  return (
    <>
      <p>
        Floyd signs you in with a link that works once. Whoever runs Floyd makes one with this command; open
        it on this device, or paste it here.
      </p>
      <code className="block w-full overflow-x-auto rounded-control bg-subtle px-3.5 py-2.5 text-sm">
        floyd token --link
      </code>
      <form
        className="flex w-full flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          const code = codeIn(pasted);
          if (code === null) setError("This is not a sign-in link. Copy all of it, to its very end.");
          else void signIn(code);
        }}
      >
        <Field label="Link" error={error}>
          {(tied) => (
            <Input
              {...tied}
              value={pasted}
              onChange={(event) => {
                setPasted(event.target.value);
                setError("");
              }}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              inputMode="url"
            />
          )}
        </Field>
        <Button type="submit" variant="primary" disabled={pasted.trim() === ""}>
          Sign in
        </Button>
      </form>
    </>
  );
}

function Problem({ text }: { text: string }) {
  return (
    <p role="alert" className="w-full rounded-control bg-danger-soft px-3.5 py-2.5 text-danger-ink">
      {text}
    </p>
  );
}

function Centre({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-md flex-col items-start justify-center gap-4 px-5 py-10">
      <img src="/icon.svg" alt="" width={40} height={40} />
      <h1 className="font-semibold text-2xl tracking-tight">{title}</h1>
      {children}
    </main>
  );
}
