import { useMutation, useQuery } from "convex/react";
import { LogOut } from "lucide-react";
import { api } from "../api";
import { useAccount } from "../auth";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Section } from "../ui/Card";
import { Skeleton } from "../ui/Skeleton";
import { Time } from "../ui/Time";
import { toast } from "../ui/toast";
import { useAct } from "../ui/useAct";

/** Where this person is signed in, and the way out. */
export function SignedInSection() {
  const account = useAccount();
  const sessions = useQuery(api.signIn.sessions, {});
  const revoke = useMutation(api.signIn.revoke);
  const { run, busy } = useAct(async (session: NonNullable<typeof sessions>[number]) => {
    await revoke({ sessionId: session.sessionId });
    toast.say(`${session.device ?? "That browser"} is signed out, within ten minutes at the latest.`);
  });
  const signOut = useAct(() => account.signOut());
  return (
    <Section
      title="Signed in"
      actions={
        <Button size="sm" busy={signOut.busy} onClick={() => void signOut.run()}>
          <LogOut aria-hidden />
          Sign out
        </Button>
      }
    >
      {sessions === undefined ? (
        <Skeleton className="h-14" />
      ) : sessions.length === 0 ? (
        <p className="text-muted">Where else you are signed in is known to whom you signed in with.</p>
      ) : (
        <ul aria-label="Browsers">
          {sessions.map((session) => (
            <li
              key={session.sessionId}
              className="flex flex-wrap items-center justify-between gap-2 border-line border-b py-3 first:pt-0 last:border-0 last:pb-0"
            >
              <div className="min-w-0">
                <p className="flex flex-wrap items-center gap-2 font-medium">
                  {session.device ?? "A browser"}
                  {session.current && <Badge tone="good">This one</Badge>}
                  {session.operator && <Badge>Operator</Badge>}
                </p>
                <p className="text-muted text-sm">
                  Since <Time at={session.begunAt} show="full" />, last used <Time at={session.usedAt} />
                </p>
              </div>
              {!session.current && (
                <Button
                  size="sm"
                  variant="dangerGhost"
                  disabled={busy}
                  aria-label={`Sign out ${session.device ?? "that browser"}`}
                  onClick={() => void run(session)}
                >
                  Sign out
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
