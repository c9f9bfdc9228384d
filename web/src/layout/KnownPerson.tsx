import { useMutation } from "convex/react";
import { type ReactNode, useEffect, useState } from "react";
import { api } from "../api";
import { messageOf } from "../ui/failure";
import { ErrorState } from "../ui/States";
import { PageLoading } from "./Frame";
import { usePerson } from "./usePerson";

/** Shows a page to a person with a row of their own; at a first sign-in it is made here. */
export function KnownPerson({ children }: { children: ReactNode }) {
  const me = usePerson();
  const ensure = useMutation(api.users.ensure);
  const [problem, setProblem] = useState<string | null>(null);
  const toBeMade = me === null && problem === null;
  useEffect(() => {
    if (!toBeMade) return;
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    ensure({ timezone: timeZone }).catch((error: unknown) => setProblem(messageOf(error)));
  }, [toBeMade, ensure]);
  if (me) return children;
  if (problem === null) return <PageLoading />;
  return (
    <div className="mx-auto max-w-3xl px-4 py-8">
      <ErrorState title="Floyd could not make your place" retry={() => setProblem(null)}>
        {problem}
      </ErrorState>
    </div>
  );
}
