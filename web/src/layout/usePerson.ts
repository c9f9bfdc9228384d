import { useConvexAuth, useQuery } from "convex/react";
import { api, type Doc } from "../api";

/** Who is signed in; null when Floyd does not know them yet, undefined while that is being found out. */
export function usePerson(): Doc<"users"> | null | undefined {
  const { isAuthenticated } = useConvexAuth();
  return useQuery(api.users.me, isAuthenticated ? {} : "skip");
}
