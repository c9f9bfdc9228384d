/** Components: those that people build with, and one written for this, through the official clients. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { anyApi, type FunctionReference } from "convex/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Project } from "./commandLine.ts";
import { Deployment, eventually, Watch } from "./harness.ts";

const APP = join(import.meta.dirname, "componentsApp/convex");
const main = anyApi.main as unknown as Record<string, FunctionReference<"query">>;
const query = (name: string) => main[name] as FunctionReference<"query">;
const mutation = (name: string) => main[name] as unknown as FunctionReference<"mutation">;

let project: Project;
let deployment: Deployment;
let told: string;
const convex = async (...args: string[]) => (await project.convex(deployment, ...args)).both;

beforeAll(async () => {
  project = new Project();
  cpSync(APP, project.path("convex"), { recursive: true });
  deployment = await Deployment.start({ functions: null });
  // The official command line generates the code that the app imports, and pushes it all.
  told = await convex("dev", "--once", "--typecheck", "disable");
}, 60_000);
afterAll(async () => {
  await deployment.stop();
  project.remove();
});
const read = (name: string, args = {}) => deployment.http().query(query(name), args);
const write = (name: string, args = {}) => deployment.http().mutation(mutation(name), args);

describe("packages of components", () => {
  it("rate-limiter: two in a minute, and no third", async () => {
    expect([await write("limited"), await write("limited"), await write("limited")]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("workpool: what is enqueued is done, once each", async () => {
    for (const n of [1, 2, 3]) await write("enqueue", { n });
    const done = await eventually(async () => {
      const rows = (await read("done")) as number[];
      return rows.length >= 3 ? rows : null;
    }, "the work");
    expect(done.sort()).toEqual([1, 2, 3]);
  });

  it("aggregate, twice: each use has data of its own", async () => {
    for (const n of [5, 7, 6]) await write("score", { n });
    expect(await read("ranking")).toEqual({ count: 3, highest: 7, others: 0 });
  });
});

describe("a component of one's own", () => {
  it("keeps its tables apart; a live query through it follows its changes, two levels down", async () => {
    const client = deployment.client();
    const watch = new Watch<{ names: string[]; sum: number; own: number }>((value, error) =>
      client.onUpdate(query("listLocal"), {}, value, error),
    );
    await watch.until((value) => value.names.length === 0);
    await write("addLocal", { name: "abc" });
    expect(await watch.until((value) => value.names.length === 1)).toEqual({
      names: ["abc"],
      sum: 3,
      own: 0,
    });
  });

  it("undoes a failed mutation alone, with what it did further down", async () => {
    expect(await write("addLocal", { name: "bad", fail: true })).toContain("as asked");
    expect(await read("listLocal")).toEqual({ names: ["abc"], sum: 3, own: 0 });
  });

  it("has ids of its own, that mean nothing to others", async () => {
    const id = (await write("addLocal", { name: "ids" })) as string;
    expect(await read("normalizeLocal", { id })).toEqual({ there: id, here: null });
    expect(await write("addLocal", { name: "child", of: id })).toMatch(/^[0-9a-z]{31,37}$/);
    expect(await write("addLocal", { name: "child", of: "nothing" })).toContain("ArgumentValidationError");
  });

  it("sees only the environment it was given, and not who is signed in", async () => {
    await deployment.setEnv("SECRET", "not for components");
    const client = deployment.admin() as unknown as {
      setAdminAuth(key: string, identity: object): void;
      query(reference: FunctionReference<"query">, args: object): Promise<unknown>;
    };
    client.setAdminAuth(deployment.adminKey, { subject: "ann", issuer: "https://example.com" });
    expect(await client.query(query("whoLocal"), {})).toEqual({
      identity: null,
      secret: null,
      greeting: "hello",
    });
  });

  it("schedules its own functions, and calls back by a function handle", async () => {
    await write("laterLocal");
    const { texts, jobsThere, jobsHere } = await eventually(async () => {
      const value = (await read("gotten")) as { texts: string[]; jobsThere: string[]; jobsHere: number };
      return value.texts.length > 0 ? value : null;
    }, "the call back");
    expect(texts).toEqual(["called back by late"]);
    expect(jobsThere).toEqual(["lib.js:run"]);
    expect(jobsHere).toBe(0);
  });

  it("runs actions", async () => {
    expect(await deployment.http().action(main.actLocal as unknown as FunctionReference<"action">, {})).toBe(
      "hello",
    );
    expect(((await read("listLocal")) as { names: string[] }).names).toContain("from action");
  });

  it("answers HTTP under the prefix where it is mounted", async () => {
    expect(await (await fetch(`${deployment.siteUrl}/local/hello`)).text()).toBe("from the component");
    expect((await fetch(`${deployment.siteUrl}/hello`)).status).toBe(404);
  });

  it("can be called from outside only with the admin key", async () => {
    const call = async (authorization: string) => {
      const response = await fetch(`${deployment.url}/api/function`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(authorization ? { authorization } : {}) },
        body: JSON.stringify({ path: "lib:list", componentPath: "local", args: {} }),
      });
      return (await response.json()) as { status: string; value?: string[]; errorMessage?: string };
    };
    expect((await call(`Convex ${deployment.adminKey}`)).value).toContain("abc");
    expect((await call("")).errorMessage).toContain("admin key");
  });
});

it("the official command line names what it installs, and reaches into components", async () => {
  expect(told).toContain("Installed component local/nested.");
  expect(await convex("data", "items", "--component", "local")).toContain('"abc"');
  expect(await convex("run", "lib:list", "--component", "local")).toContain("abc");
});

it("a folder with components is served without a push, and keeps what is there after a restart", async () => {
  const served = await Deployment.start({ functions: project.path("convex"), data: project.path("data") });
  await served.http().mutation(mutation("addLocal"), { name: "kept" });
  await served.kill();
  const again = await Deployment.start({ functions: null, data: project.path("data") });
  expect(await again.http().query(query("listLocal"), {})).toEqual({ names: ["kept"], sum: 4, own: 0 });
  await again.stop();
});
