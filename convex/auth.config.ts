/**
 * Who may sign in. Floyd signs its own tokens (people and workers) with one ES256 key, whose public half is
 * handed to the deployment as a `data:` URI, so that nothing has to be fetched to verify a token.
 *
 * Another provider (Clerk, Auth0, ...) stands beside it when FLOYD_OIDC_ISSUER and FLOYD_OIDC_AUDIENCE are set:
 * whoever it signs in is a person. Its keys are found by OpenID Connect discovery, or are those of FLOYD_OIDC_JWKS
 * (an address, or a `data:` URI), for tokens signed with FLOYD_OIDC_ALGORITHM.
 */
import type { AuthConfig } from "convex/server";
import { DEFAULT_ISSUER } from "./identity";

type Providers = AuthConfig["providers"];

/** No keys: nobody can sign in until FLOYD_JWKS is set. */
const NO_KEYS = 'data:text/plain;charset=utf-8,{"keys":[]}';

const ownIssuer = process.env.FLOYD_ISSUER ?? DEFAULT_ISSUER;

/** A variable that need not be set: Convex Cloud throws where this file reads one that is not. */
function optional(read: () => string | undefined): string | undefined {
  try {
    return read() || undefined;
  } catch {
    return undefined;
  }
}

/** None when the variables are not all there, or make no sense: rather nobody of theirs than no deployment. */
function another(): Providers {
  const issuer = optional(() => process.env.FLOYD_OIDC_ISSUER);
  const applicationID = optional(() => process.env.FLOYD_OIDC_AUDIENCE);
  if (issuer === undefined || applicationID === undefined) return [];
  // With Floyd's own name it could name workers and operators.
  if (plain(issuer) === plain(ownIssuer)) return [];
  const jwks = optional(() => process.env.FLOYD_OIDC_JWKS);
  if (jwks === undefined) return [{ domain: issuer, applicationID }];
  const algorithm = optional(() => process.env.FLOYD_OIDC_ALGORITHM) ?? "RS256";
  if (algorithm !== "RS256" && algorithm !== "ES256") return [];
  return [{ type: "customJwt", issuer, applicationID, jwks, algorithm }];
}

/** As deployments compare issuers. */
function plain(issuer: string): string {
  return issuer.replace(/^https:\/\//, "").replace(/\/$/, "");
}

export default {
  providers: [
    {
      type: "customJwt",
      issuer: ownIssuer,
      applicationID: "floyd",
      jwks: process.env.FLOYD_JWKS ?? NO_KEYS,
      algorithm: "ES256",
    },
    ...another(),
  ],
} satisfies AuthConfig;
