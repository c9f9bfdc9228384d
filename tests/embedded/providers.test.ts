/** Identity providers other than ES256 keys in a variable, and tokens that expire while they are in use. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { UserIdentity } from "convex/server";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { Deployment, Watch, within } from "./harness.ts";
import { RawSocket } from "./rawSocket.ts";
import { Issuer } from "./tokens.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(() => deployment.stop());

const whoAmI = (token: string) => {
  const http = deployment.http();
  http.setAuth(token);
  return http.query(api.values.whoAmI, {});
};

it("takes RS256 tokens, without an audience where none is asked for", async () => {
  const issuer = await Issuer.create("RS256");
  await deployment.setEnv("TEST_RSA_JWKS", issuer.jwks);
  const options = { issuer: "https://rsa.test", audience: "whoever" };
  expect(await whoAmI(await issuer.sign("rivera", options))).toMatchObject({
    tokenIdentifier: "https://rsa.test|rivera",
  });
  // The same claims, signed by the same kind of key as another provider's.
  const other = await Issuer.create("ES256");
  await expect(whoAmI(await other.sign("rivera", options))).rejects.toThrow("value not allowed");
});

type Answer = { status?: number; body: string };

/** An OpenID Connect issuer on loopback. */
class OpenIdServer {
  readonly asked: string[] = [];
  answers: Record<string, Answer> = {};
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
  }

  static async start(): Promise<OpenIdServer> {
    const server = createServer((request, response) => {
      open.asked.push(request.url ?? "");
      const { status = 200, body } = open.answers[request.url ?? ""] ?? { status: 404, body: "<html>" };
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
    const open = new OpenIdServer(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return open;
  }

  get domain(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  describe(changes: object = {}): void {
    const document = { issuer: this.domain, jwks_uri: `${this.domain}/keys`, ...changes };
    this.answers["/.well-known/openid-configuration"] = { body: JSON.stringify(document) };
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(() => done()));
  }
}

const open: OpenIdServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.stop();
});
async function openId(): Promise<OpenIdServer> {
  const server = await OpenIdServer.start();
  open.push(server);
  return server;
}

it.each(["RS256", "ES256"] as const)("finds the keys of an OpenID Connect issuer (%s)", async (alg) => {
  const server = await openId();
  const issuer = await Issuer.create(alg);
  server.describe();
  server.answers["/keys"] = { body: issuer.keys };
  await deployment.setEnv("TEST_OIDC_DOMAIN", server.domain);
  const options = { issuer: server.domain, audience: "oidc-app" };
  for (const subject of ["rivera", "mara"]) {
    expect(await whoAmI(await issuer.sign(subject, options))).toMatchObject({
      issuer: server.domain,
      subject,
    });
  }
  expect(server.asked.sort()).toEqual(["/.well-known/openid-configuration", "/keys"]);
  await expect(whoAmI(await issuer.sign("mara", { ...options, audience: "other" }))).rejects.toThrow(
    "No auth provider found",
  );
});

it("says what is wrong with an issuer, and asks it again with the next token", async () => {
  const server = await openId();
  const issuer = await Issuer.create();
  await deployment.setEnv("TEST_OIDC_DOMAIN", server.domain);
  const token = await issuer.sign("rivera", { issuer: server.domain, audience: "oidc-app" });
  await expect(whoAmI(token)).rejects.toThrow("HTTP 404");
  server.describe({ jwks_uri: 7 });
  await expect(whoAmI(token)).rejects.toThrow("jwks_uri");
  server.describe({ issuer: "https://elsewhere.test" });
  await expect(whoAmI(token)).rejects.toThrow("another issuer");
  server.describe();
  server.answers["/keys"] = { body: "{}" };
  await expect(whoAmI(token)).rejects.toThrow("Could not verify token");
  server.answers["/keys"] = { body: issuer.keys };
  await deployment.setEnv("TEST_OIDC_DOMAIN", `${server.domain}/`);
  expect(await whoAmI(token)).toMatchObject({ subject: "rivera" });
});

async function knownIssuer(): Promise<Issuer> {
  const issuer = await Issuer.create();
  await deployment.setEnv("TEST_JWKS", issuer.jwks);
  return issuer;
}

it("ends the identity of an open socket when its token expires", async () => {
  const issuer = await knownIssuer();
  const socket = await RawSocket.connect(deployment.url);
  socket.send({
    type: "Authenticate",
    baseVersion: 0,
    tokenType: "User",
    value: await issuer.sign("mara", { expiresIn: 3 }),
  });
  socket.subscribe(0, "values:whoAmI");
  const isAboutQuery = (message: Record<string, unknown>) =>
    Array.isArray(message.modifications) && message.modifications.length > 0;
  const first = await socket.until("Transition", isAboutQuery);
  expect(JSON.stringify(first)).toContain('"subject":"mara"');
  expect(await socket.until("AuthError")).toMatchObject({
    error: "The token has expired.",
    baseVersion: 1,
    authUpdateAttempted: false,
  });
  expect((await socket.closed).reason).toBe("Unauthenticated: The token has expired.");
});

it("leaves a client whose login is over with what anybody may see", async () => {
  const issuer = await knownIssuer();
  const client = deployment.client();
  const logins = [
    () => issuer.sign("mara", { expiresIn: 3600 }),
    () => issuer.sign("mara", { expiresIn: 2, claims: { name: "again" } }),
  ];
  const loggedOut = new Promise<void>((done) => {
    client.setAuth(
      async () => (await logins.shift()?.()) ?? null,
      (isAuthenticated) => {
        if (!isAuthenticated) done();
      },
    );
  });
  const watch = new Watch<UserIdentity | null>((onValue, onError) =>
    client.onUpdate(api.values.whoAmI, {}, onValue, onError),
  );
  await watch.until((identity) => identity?.name === "again", "the second token's identity");
  await within(loggedOut, "the end of the login");
  await watch.until((identity) => identity === null, "no identity");
});
