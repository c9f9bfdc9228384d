/** What functions are told of their request and deployment, and the tokens that they sign. */
import { anyApi, type FunctionReference } from "convex/server";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Deployment, eventually } from "./harness.ts";

const meta = anyApi.meta as unknown as Record<string, unknown>;
const mutation = (name: string) => meta[name] as FunctionReference<"mutation">;
const action = (name: string) => meta[name] as FunctionReference<"action">;
let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(() => deployment.stop());

it("getRequestMetadata: over HTTP, over the socket, and the same in functions that are called", async () => {
  const overHttp = await deployment.http().mutation(mutation("request"), {});
  expect(overHttp).toMatchObject({
    ip: expect.stringMatching(/127\.0\.0\.1$/),
    scheduledFunctionId: null,
    authToken: null,
  });
  expect(overHttp.requestId).toMatch(/^[0-9a-f]{16}$/);
  const overSocket = await deployment.client().mutation(mutation("request"), {});
  expect(overSocket.ip).toMatch(/127\.0\.0\.1$/);
  const [outer, inner] = await deployment.http().action(action("both"), {});
  expect(inner).toEqual(outer);
  expect(outer.requestId).not.toBe(overHttp.requestId);
});

it("getRequestMetadata: a scheduled function knows its own job, and no client", async () => {
  const id = await deployment.http().mutation(mutation("noteLater"), { label: "job" });
  const noted = await eventually(async () => {
    const answer = await fetch(`${deployment.url}/api/function`, {
      method: "POST",
      headers: { authorization: `Convex ${deployment.adminKey}`, "content-type": "application/json" },
      body: JSON.stringify({
        path: "_system/frontend:rows",
        args: { table: "anything" },
      }),
    });
    const { value } = (await answer.json()) as { value: { page: { value: { label: string } }[] } };
    return value.page.map((row) => row.value).find(({ label }) => label === "job") ?? null;
  }, "the note");
  expect(noted).toEqual({ label: "job", scheduledFunctionId: id });
});

it("getDeploymentMetadata", async () => {
  expect(await deployment.http().mutation(mutation("deployment"), {})).toEqual({
    name: "embedded",
    region: null,
    class: "s16",
  });
});

it("signJwt: tokens that anybody can check", async () => {
  const sign = (claims: object, seconds = 60) =>
    deployment.http().mutation(mutation("sign"), { claims, seconds }) as Promise<string>;
  const keys = createRemoteJWKSet(new URL(`${deployment.url}/.well-known/jwks.json`));
  const token = await sign({ sub: "ann", level: 3 });
  const { payload } = await jwtVerify(token, keys, { issuer: deployment.url });
  expect(payload).toMatchObject({ sub: "ann", level: 3 });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
  for (const claims of [{ iss: "x" }, { nbf: 1 }, { convexRole: "admin" }, { CVX: 1 }]) {
    await expect(sign(claims)).rejects.toThrow("is reserved");
  }
  for (const seconds of [0, 3_601])
    await expect(sign({}, seconds)).rejects.toThrow("expiresInSeconds must be");
});
