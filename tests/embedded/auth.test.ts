/** Identity: tokens of a customJwt provider whose keys come from an environment variable. */
import type { UserIdentity } from "convex/server";
import { afterAll, beforeAll, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { Deployment, Watch, within } from "./harness.ts";
import { Issuer } from "./tokens.ts";

let deployment: Deployment;
let issuer: Issuer;
beforeAll(async () => {
  deployment = await Deployment.start();
  issuer = await Issuer.create();
});
afterAll(() => deployment.stop());

const whoAmI = (token: string) => {
  const http = deployment.http();
  http.setAuth(token);
  return http.query(api.values.whoAmI, {});
};

it("accepts no token while the provider is incomplete, and takes the keys when the variable is set", async () => {
  const token = await issuer.sign("mara");
  await expect(whoAmI(token)).rejects.toThrow("No auth provider found matching the given token");
  expect((await deployment.setEnv("TEST_JWKS", issuer.jwks)).status).toBe(200);
  expect(await whoAmI(token)).toMatchObject({ subject: "mara" });
});

it("gives functions the claims under their documented names", async () => {
  const claims = { name: "Mara", given_name: "M", email_verified: true, role: "service", nested: { a: 1 } };
  expect(await whoAmI(await issuer.sign("mara", { claims }))).toEqual({
    tokenIdentifier: "https://issuer.test|mara",
    issuer: "https://issuer.test",
    subject: "mara",
    name: "Mara",
    givenName: "M",
    emailVerified: true,
    role: "service",
    "nested.a": 1,
  });
  expect(await deployment.http().query(api.values.whoAmI, {})).toBeNull();
});

it("refuses tokens that are expired, for others, or not signed by the issuer", async () => {
  await expect(whoAmI(await issuer.sign("mara", { expiresIn: -60 }))).rejects.toThrow(
    "claim timestamp check failed",
  );
  await expect(whoAmI(await issuer.sign("mara", { audience: "other" }))).rejects.toThrow(
    "No auth provider found",
  );
  await expect(whoAmI(await issuer.sign("mara", { issuer: "https://other.test" }))).rejects.toThrow(
    "No auth provider found",
  );
  const stranger = await Issuer.create();
  await expect(whoAmI(await stranger.sign("mara"))).rejects.toThrow("signature verification failed");
  await expect(whoAmI("not.a.token")).rejects.toThrow("Could not parse JWT payload");
});

it("re-runs live queries when the client logs in and out", async () => {
  const client = deployment.client();
  const watch = new Watch<UserIdentity | null>((onValue, onError) =>
    client.onUpdate(api.values.whoAmI, {}, onValue, onError),
  );
  await within(
    new Promise<void>((resolve) => {
      const stop = client.onUpdate(api.values.whoAmI, {}, () => {
        stop();
        resolve();
      });
    }),
    "the first value",
  );
  expect(watch.values.at(-1)).toBeNull();
  const token = await issuer.sign("mara");
  client.setAuth(async () => token);
  await watch.until((identity) => identity?.subject === "mara", "the identity");
  client.client.clearAuth();
  await watch.until((identity) => identity === null, "no identity");
});

it("tells the client that its token is not accepted", async () => {
  const client = deployment.client();
  const told = new Promise<boolean>((resolve) => {
    client.setAuth(
      async () => "not.a.token",
      (isAuthenticated) => {
        if (!isAuthenticated) resolve(isAuthenticated);
      },
    );
  });
  expect(await within(told, "the refusal", 10_000)).toBe(false);
});

it("shows a new environment variable to functions and live queries, and keeps it", async () => {
  const client = deployment.client();
  const watch = new Watch((onValue, onError) =>
    client.onUpdate(api.values.setting, { name: "COLOUR" }, onValue, onError),
  );
  await deployment.setEnv("COLOUR", "blue");
  await watch.until((value) => value === "blue", "blue");
  await deployment.setEnv("COLOUR", null);
  await watch.until((value) => value === null, "no colour");
  expect(await deployment.http().query(api.values.setting, { name: "CONVEX_SITE_URL" })).toBe(
    deployment.siteUrl,
  );
});

it("checks environment changes and who makes them", async () => {
  const anonymous = await fetch(`${deployment.url}/api/update_environment_variables`, {
    method: "POST",
    body: JSON.stringify({ changes: [] }),
  });
  expect(anonymous.status).toBe(403);
  const badName = await deployment.setEnv("not a name", "x");
  expect(badName.status).toBe(400);
  expect(await badName.text()).toContain("not a name");
  expect(await (await deployment.setEnv("LARGE", "x".repeat(9000))).text()).toContain("8192 bytes");
  expect((await deployment.setEnv("CONVEX_CLOUD_URL", "x")).status).toBe(400);
});
