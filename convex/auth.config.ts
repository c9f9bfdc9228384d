/**
 * Who may sign in. Floyd signs its own tokens (people and workers) with one ES256 key, whose public half is
 * handed to the deployment as a `data:` URI, so that nothing has to be fetched to verify a token.
 * Another provider (Clerk, Auth0, ...) can be added beside it: whoever it signs in is a person.
 */
import type { AuthConfig } from "convex/server";
import { DEFAULT_ISSUER } from "./identity";

/** No keys: nobody can sign in until FLOYD_JWKS is set. */
const NO_KEYS = 'data:text/plain;charset=utf-8,{"keys":[]}';

export default {
  providers: [
    {
      type: "customJwt",
      issuer: process.env.FLOYD_ISSUER ?? DEFAULT_ISSUER,
      applicationID: "floyd",
      jwks: process.env.FLOYD_JWKS ?? NO_KEYS,
      algorithm: "ES256",
    },
  ],
} satisfies AuthConfig;
