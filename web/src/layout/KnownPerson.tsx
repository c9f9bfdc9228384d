import { useMutation } from "convex/react";
import { type ReactNode, useEffect } from "react";
import { api } from "../api";
import { messageOf } from "../ui/failure";
import { toast } from "../ui/toast";
import { PageLoading } from "./Frame";
import { usePerson } from "./usePerson";

/** Shows a page to a person with a row of their own; at a first sign-in it is made here. */
export function KnownPerson({ children }: { children: ReactNode }) {
  const me = usePerson();
  const ensure = useMutation(api.users.ensure);
  const isNew = me === null;
  useEffect(() => {
    if (!isNew) return;
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    ensure({ timezone: timeZone }).catch((error: unknown) => toast.error(messageOf(error)));
  }, [isNew, ensure]);
  return me ? children : <PageLoading />;
}
