/** Who is signed in, whichever identity provider vouches for them. See README.md for adding one. */
import { createContext, useContext } from "react";

export type Account = {
  status: "loading" | "signedIn" | "signedOut";
  /** Whoever gives out tokens does not answer; it is asked again by itself. */
  away: boolean;
  /** Another number is another person, or the same one anew: nothing of before may be shown. */
  generation: number;
  /** For `Authorization: Bearer` to the worker. Raises an `Error` when nobody is signed in. */
  accessToken: () => Promise<string>;
  /** May see the workers and drain them. What the functions allow is decided by them, not by this. */
  operator: boolean;
  signOut: () => Promise<void>;
  /** Ask an absent token service again now. */
  tryNow: () => void;
};

export const AccountContext = createContext<Account | null>(null);

export function useAccount(): Account {
  const account = useContext(AccountContext);
  if (account === null) throw new Error("useAccount is used outside of AuthProvider");
  return account;
}
