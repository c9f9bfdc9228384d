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
  ],
} satisfies AuthConfig;
