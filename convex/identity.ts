/** Who is calling: a person, or a worker. Decided from the verified claims of a token, and nothing else. */
import type { UserIdentity } from "convex/server";
import { fail } from "./errors";

export const DEFAULT_ISSUER = "https://floyd.local";

/** `operator`: may also see and drain workers. */
export type Caller = { kind: "person"; identity: UserIdentity; operator: boolean } | { kind: "worker" };

/** The issuer of Floyd's own tokens. */
export function floydIssuer(): string {
  return process.env.FLOYD_ISSUER ?? DEFAULT_ISSUER;
}

/**
 * A worker is `sub: "worker"`, `role: "service"` from Floyd's own issuer: another provider must not be able to
 * name somebody "worker". From Floyd's issuer a person is `sub: "person:<name>"`; everybody whom another
 * configured provider vouches for is a person. A person whose token from Floyd's issuer says `operator: true` is an
 * operator; what another provider's token says of that counts for nothing.
 */
export function callerOf(identity: UserIdentity | null): Caller {
  if (identity === null)
    fail("UNAUTHENTICATED", "Sign in first: send a bearer token (`floyd token` makes one)");
  if (identity.issuer !== floydIssuer()) return { kind: "person", identity, operator: false };
  if (identity.subject === "worker") {
    if (identity.role === "service") return { kind: "worker" };
    fail("FORBIDDEN", 'This worker token has no role "service": make a new one');
  }
  if (!identity.subject.startsWith("person:")) {
    fail("FORBIDDEN", 'The token names neither a person (sub "person:<name>") nor a worker');
  }
  return { kind: "person", identity, operator: identity.operator === true };
}
