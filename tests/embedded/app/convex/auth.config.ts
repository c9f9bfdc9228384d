import type { AuthConfig } from "convex/server";

export default {
  providers: [
    {
      type: "customJwt",
      issuer: "https://issuer.test",
      applicationID: "app",
      algorithm: "ES256",
      jwks: process.env.TEST_JWKS ?? "",
    },
    {
      type: "customJwt",
      issuer: "https://rsa.test",
      algorithm: "RS256",
      jwks: process.env.TEST_RSA_JWKS ?? "",
    },
    { domain: process.env.TEST_OIDC_DOMAIN ?? "", applicationID: "oidc-app" },
  ],
} satisfies AuthConfig;
