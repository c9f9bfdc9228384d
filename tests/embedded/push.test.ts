/** The official command line pushes apps: what it sends runs, stays, and changes nothing when it is refused. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import type { FunctionReference } from "convex/server";
import { anyApi } from "convex/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMAND_LIMIT_MS, Project } from "./commandLine.ts";
import { Deployment, eventually, Watch, within } from "./harness.ts";

let project: Project;
let data: string;
let deployment: Deployment;

/** At its best quality, brotli takes a quarter of a minute for a bomb. */
const QUICKLY = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

const schema = (table: string) => `
  import { defineSchema, defineTable } from "convex/server";
  import { v } from "convex/values";
  export default defineSchema({ notes: ${table} });`;
const NOTES = "defineTable({ text: v.string(), n: v.number() })";
const functions = (more = "") => `
  import { mutation, query } from "./_generated/server";
  import { v } from "convex/values";
  export const add = mutation({
    args: { text: v.string(), n: v.number() },
    handler: (ctx, args) => ctx.db.insert("notes", args),
  });
  export const list = query({ args: {}, handler: (ctx) => ctx.db.query("notes").collect() });
  ${more}`;

const write = (path: string, text: string) => project.write(join("convex", path), text);
const convex = async (...args: string[]) => (await project.convex(deployment, ...args)).both;
const push = () => convex("deploy", "--yes", "--typecheck", "disable", "--codegen", "disable");
const call = (name: string) => (anyApi.notes as Record<string, unknown>)[name] as FunctionReference<"query">;
const mutation = (name: string) => call(name) as unknown as FunctionReference<"mutation">;

beforeAll(async () => {
  project = new Project();
  data = project.path("data");
  mkdirSync(project.path("convex"));
  deployment = await Deployment.start({ functions: null, data });
});
afterAll(async () => {
  await deployment.stop();
  project.remove();
});

describe("a push", () => {
  it("begins with an empty deployment: dev --once generates code and runs the app", async () => {
    write("schema.ts", schema(NOTES));
    write("notes.ts", functions());
    expect(await convex("dev", "--once", "--typecheck", "disable")).toContain("Convex functions ready!");
    await deployment.http().mutation(mutation("add"), { text: "first", n: 1 });
    expect(await deployment.http().query(call("list"), {})).toMatchObject([{ text: "first", n: 1 }]);
  });

  it("reaches clients that are connected: a new function for a subscription, a new result of an old one", async () => {
    const client = deployment.client();
    const listed = new Watch<unknown[]>((value, error) => client.onUpdate(call("list"), {}, value, error));
    const counted = new Watch<number>((value, error) => client.onUpdate(call("count"), {}, value, error));
    await listed.until((rows) => rows.length === 1);
    expect((await counted.error()).message).toContain("Could not find public function for 'notes:count'");
    write(
      "notes.ts",
      functions(`export const count = query({ args: {}, handler: async (ctx) =>
        (await ctx.db.query("notes").withIndex("by_n").collect()).length });`),
    );
    write("schema.ts", schema(`${NOTES}.index("by_n", ["n"])`));
    expect(await push()).toMatch(/Added table indexes:\s+\[\+\] notes\.by_n {3}n/);
    expect(await counted.until((count) => count === 1, "the new function")).toBe(1);
    await client.mutation(mutation("add"), { text: "second", n: 2 });
    await counted.until((count) => count === 2);
    await listed.until((rows) => rows.length === 2);
  });

  it("is refused when a row doesn't fit its schema, and changes nothing", async () => {
    write("schema.ts", schema("defineTable({ text: v.string(), n: v.string() })"));
    write("notes.ts", functions("export const late = query({ args: {}, handler: () => 1 });"));
    await expect(push()).rejects.toThrow(
      /Schema validation failed\.[\s\S]*in table "notes" does not match the schema[\s\S]*Path: \.n/,
    );
    expect(await deployment.http().query(call("count"), {})).toBe(2);
    await expect(deployment.http().query(call("late"), {})).rejects.toThrow("Could not find");
  });

  it("changes nothing on a dry run, and says what it would do", async () => {
    write("schema.ts", schema(`${NOTES}.index("by_text", ["text"])`));
    const told = await convex(
      "deploy",
      "--yes",
      "--dry-run",
      "--typecheck",
      "disable",
      "--codegen",
      "disable",
    );
    expect(told).toMatch(/Would delete table indexes:\s+\[-\] notes\.by_n/);
    expect(told).toMatch(/Would add table indexes:\s+\[\+\] notes\.by_text/);
    expect(await deployment.http().query(call("count"), {})).toBe(2);
  });

  it("is there after a restart, and after a crash", async () => {
    await deployment.kill();
    deployment = await Deployment.start({ functions: null, data });
    expect(await deployment.http().query(call("count"), {})).toBe(2);
    expect(await convex("function-spec")).toContain("notes.js:count");
  });

  it("with removed functions, node actions, crons and another environment", async () => {
    write("notes.ts", functions());
    write("schema.ts", schema(NOTES));
    write(
      "nodeSide.ts",
      `"use node";
      import { createHash } from "node:crypto";
      import { internal } from "./_generated/api";
      import { action } from "./_generated/server";
      export const hash = action({ args: {}, handler: async () =>
        createHash("md5").update(process.env.SALT ?? "none").digest("hex") });`,
    );
    write(
      "crons.ts",
      `import { cronJobs } from "convex/server";
      import { internal } from "./_generated/api";
      const crons = cronJobs();
      crons.interval("tick", { seconds: 1 }, internal.ticking.tick);
      export default crons;`,
    );
    write(
      "ticking.ts",
      `import { internalMutation } from "./_generated/server";
      export const tick = internalMutation({ args: {}, handler: (ctx) => ctx.db.insert("notes", { text: "tick", n: 9 }) });`,
    );
    await convex("env", "set", "SALT", "pepper");
    await push();
    await expect(deployment.http().query(call("count"), {})).rejects.toThrow("Could not find");
    const hashed = await deployment.http().action(anyApi.nodeSide?.hash as FunctionReference<"action">, {});
    expect(hashed).toBe("b3f952d5d9adea6f63bee9d4c6fceeaa");
    await eventually(async () => {
      const rows = (await deployment.http().query(call("list"), {})) as { text: string }[];
      return rows.some((row) => row.text === "tick") ? true : null;
    }, "the cron job");
    rmSync(project.path("convex/crons.ts"));
    await push();
  });

  it("while mutations run, loses none of them", async () => {
    const client = deployment.client();
    const before = ((await deployment.http().query(call("list"), {})) as unknown[]).length;
    let sent = 0;
    let stop = false;
    const writer = (async () => {
      while (!stop) {
        await client.mutation(mutation("add"), { text: "busy", n: sent });
        sent += 1;
      }
    })();
    write("notes.ts", functions("export const version = query({ args: {}, handler: () => 2 });"));
    await push();
    stop = true;
    await within(writer, "the last mutation");
    const after = (await deployment.http().query(call("list"), {})) as { text: string }[];
    expect(after.filter((row) => row.text !== "tick").length - sent).toBeLessThanOrEqual(before);
    expect(after.filter((row) => row.text === "busy").length).toBe(sent);
    expect(await deployment.http().query(call("version"), {})).toBe(2);
  });

  it("tells what is wrong with code that can't be loaded", async () => {
    write("broken.ts", 'export const x = 1; throw new Error("not today");');
    await expect(push()).rejects.toThrow(/Failed to load broken: Error: not today/);
    rmSync(project.path("convex/broken.ts"));
    expect(await deployment.http().query(call("version"), {})).toBe(2);
  });

  it("by dev, which watches, follows every change of a file, and shows what functions log", async () => {
    const dev = project.start(deployment, "dev", "--typecheck", "disable");
    let told = "";
    const says = (text: string) =>
      eventually(async () => (told.includes(text) ? true : null), `"${text}" in ${told}`, COMMAND_LIMIT_MS);
    dev.stdout?.on("data", (part) => {
      told += String(part);
    });
    dev.stderr?.on("data", (part) => {
      told += String(part);
    });
    try {
      await says("Convex functions ready!");
      told = "";
      write(
        "notes.ts",
        functions(
          'export const watched = query({ args: {}, handler: () => { console.log("seen by dev"); return 3; } });',
        ),
      );
      await says("Convex functions ready!");
      expect(await deployment.http().query(call("watched"), {})).toBe(3);
      await says("seen by dev");
    } finally {
      dev.kill();
    }
    write("notes.ts", functions("export const version = query({ args: {}, handler: () => 2 });"));
    await push();
  });

  it("run with --identity and --watch", async () => {
    write(
      "who.ts",
      'import { query } from "./_generated/server";\nexport const me = query({ args: {}, handler: async (ctx) => (await ctx.auth.getUserIdentity())?.name ?? "nobody" });',
    );
    await push();
    expect(
      await convex(
        "run",
        "who:me",
        "--identity",
        '{"name": "Ann", "subject": "1", "issuer": "https://example.com"}',
      ),
    ).toContain("Ann");
    const watching = project.start(deployment, "run", "notes:list", "--watch");
    let told = "";
    watching.stdout?.on("data", (part) => {
      told += String(part);
    });
    const says = (text: string) =>
      eventually(async () => (told.includes(text) ? true : null), `"${text}"`, COMMAND_LIMIT_MS);
    try {
      await says('"text": "first"');
      await deployment.http().mutation(mutation("add"), { text: "while watching", n: 3 });
      await says("while watching");
    } finally {
      watching.kill();
    }
  });

  it("generates code by codegen, and pushes nothing then", async () => {
    write(
      "later.ts",
      'import { query } from "./_generated/server";\nexport const x = query({ handler: () => 1 });',
    );
    await convex("codegen", "--typecheck", "disable");
    const generated = readFileSync(project.path("convex/_generated/api.d.ts"), "utf8");
    expect(generated).toMatch(/import type \* as later/);
    await expect(
      deployment.http().query(anyApi.later?.x as FunctionReference<"query">, {}),
    ).rejects.toThrow();
  });
});

describe("hostile pushes", () => {
  const post = async (path: string, body: Uint8Array | string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${deployment.url}/api/deploy2/${path}`, {
      method: "POST",
      headers: { authorization: `Convex ${deployment.adminKey}`, ...headers },
      body: body as BodyInit,
    });
    return { status: response.status, ...((await response.json()) as { code: string; message: string }) };
  };
  const start = (definition: object) =>
    post(
      "start_push",
      JSON.stringify({ dryRun: false, appDefinition: definition, componentDefinitions: [] }),
    );
  const module = (path: string, source: string) => ({ path, source, environment: "isolate" });

  it.each([
    ["no key", () => post("start_push", "{}", { authorization: "" }), 403, "Forbidden"],
    ["no JSON", () => post("start_push", "}{"), 400, "BadJsonBody"],
    ["no brotli", () => post("start_push", "{}", { "content-encoding": "br" }), 400, "BadBody"],
    ["nothing in it", () => post("start_push", "{}"), 400, "InvalidPush"],
    [
      "a bomb",
      () =>
        post("start_push", brotliCompressSync(Buffer.alloc(200_000_000, 32), QUICKLY), {
          "content-encoding": "br",
        }),
      413,
      "ModulesTooLarge",
    ],
    [
      "a path that climbs",
      () => start({ changedModules: [module("../../x.js", "")] }),
      400,
      "InvalidModulePath",
    ],
    [
      "a syntax error",
      () => start({ changedModules: [module("x.js", "export const = 1")] }),
      400,
      "InvalidModules",
    ],
    [
      "an unknown hash",
      () =>
        start({
          changedModules: [],
          unchangedModuleHashes: [{ path: "x.js", environment: "isolate", sha256: "0" }],
        }),
      400,
      "RaceDetected",
    ],
    [
      "external packages",
      () =>
        post(
          "start_push",
          JSON.stringify({
            appDefinition: { changedModules: [] },
            nodeDependencies: [{ name: "a", version: "1" }],
          }),
        ),
      400,
      "ExternalPackagesNotSupported",
    ],
    ["a finish of nothing", () => post("finish_push", "{}"), 400, "InvalidPush"],
  ])("%s: a clear error", async (_name, send, status, code) => {
    const answer = await send();
    expect(answer).toMatchObject({ status, code });
    expect(answer.message.length).toBeGreaterThan(10);
  });

  it("code that never finishes loading is given up", { timeout: 20_000 }, async () => {
    const answer = await start({ changedModules: [module("x.js", "for (;;) {}")] });
    expect(answer).toMatchObject({ status: 400, code: "InvalidModules" });
    expect(answer.message).toContain("took longer than 10s");
    expect(await deployment.http().query(call("version"), {})).toBe(2);
  });
});
