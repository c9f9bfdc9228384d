/** State across the end of the process: kill -9, restart, schema changes, locks. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { APP, Deployment, eventually, ROOT, within } from "./harness.ts";

let folder: string;
const running: Deployment[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "convex-durability-"));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
});
afterEach(async () => {
  for (const deployment of running.splice(0)) await deployment.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(functions = APP): Promise<Deployment> {
  const deployment = await Deployment.start({ data: join(folder, "data"), functions });
  running.push(deployment);
  return deployment;
}

/** A copy of the test app with some files changed. */
function changedApp(files: Record<string, string>): string {
  const copy = join(folder, "convex");
  cpSync(APP, copy, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(copy, name), text);
  return copy;
}

it("keeps everything acknowledged, and nothing by halves, when it is killed again and again under load", async () => {
  const acknowledged = new Set<number>();
  let next = 0;
  for (let round = 0; round < 6; round++) {
    const deployment = await start();
    const client = deployment.client();
    const writers = Array.from({ length: 4 }, () => deployment.client());
    const enough = acknowledged.size + 60 + round * 37;
    let killed = false;
    // Pairs: both rows of a mutation are there, or neither.
    const write = async (writer: typeof client) => {
      while (!killed) {
        const seq = next++;
        const pair = [0, 0.5].map((half) => ({ channel: "kill", seq: seq + half, body: "b" }));
        await writer.mutation(api.messages.sendMany, { messages: pair });
        acknowledged.add(seq);
      }
    };
    const writing = writers.map((writer) => write(writer).catch(() => {}));
    await eventually(async () => (acknowledged.size >= enough ? true : null), "acknowledged writes");
    await deployment.kill();
    const before = [...acknowledged];
    killed = true;
    void Promise.allSettled(writing);
    await Promise.all([client, ...writers].map((open) => open.close()));
    const again = await start();
    const kept = (await again.http().query(api.messages.list, { channel: "kill" })).map(({ seq }) => seq);
    const there = new Set(kept);
    expect(there.size).toBe(kept.length);
    expect(before.filter((seq) => !there.has(seq))).toEqual([]);
    expect(kept.filter((seq) => !there.has(Number.isInteger(seq) ? seq + 0.5 : seq - 0.5))).toEqual([]);
    await again.stop();
  }
}, 60_000);

it("keeps environment variables and the admin key, in a file that only its owner can read", async () => {
  const first = await start();
  await first.setEnv("KEPT", "yes");
  const { adminKey } = first;
  expect(statSync(join(folder, "data/admin-key")).mode & 0o777).toBe(0o600);
  expect(first.stderr).not.toContain(adminKey.split("|")[1]);
  await first.kill();
  const second = await start();
  expect(second.adminKey).toBe(adminKey);
  expect(await second.http().query(api.values.setting, { name: "KEPT" })).toBe("yes");
});

it("refuses a variable that the functions don't load with, and goes on with the one before", async () => {
  const picky = `if (process.env.COLOUR === "grey") throw new Error("no grey");\nexport const picky = true;\n`;
  const functions = changedApp({ "picky.ts": picky });
  const deployment = await start(functions);
  expect((await deployment.setEnv("COLOUR", "blue")).status).toBe(200);
  const refused = await within(deployment.setEnv("COLOUR", "grey"), "the refusal", 15_000);
  expect(refused.status).toBe(400);
  expect(await refused.text()).toMatch(/COLOUR was not changed.*no grey/s);
  expect(await deployment.http().query(api.values.setting, { name: "COLOUR" })).toBe("blue");
  await deployment.kill();
  const again = await start(functions);
  expect(await again.http().query(api.values.setting, { name: "COLOUR" })).toBe("blue");
  expect((await again.setEnv("COLOUR", null)).status).toBe(200);
  expect(await again.http().query(api.values.setting, { name: "COLOUR" })).toBe(null);
});

it("refuses a second process on the same data", async () => {
  await start();
  await expect(Deployment.start({ data: join(folder, "data") })).rejects.toThrow(
    "is in use by another deployment",
  );
});

it("refuses a schema that existing rows break, naming table, row and field", async () => {
  const first = await start();
  const id = await first
    .http()
    .mutation(api.messages.insertAnything, { table: "users", value: { name: "Mara" } });
  await first.stop();
  const schema = `
    import { defineSchema, defineTable } from "convex/server";
    import { v } from "convex/values";
    export default defineSchema({ users: defineTable({ name: v.string(), age: v.number() }) });
  `;
  const broken = changedApp({ "schema.ts": schema, "auth.config.ts": "export default { providers: [] };" });
  await expect(start(broken)).rejects.toThrow(
    new RegExp(`Document with ID "${id}" in table "users" does not match the schema: .*\`age\``),
  );
  const again = await start();
  expect(await again.http().query(api.jobs.events, {})).toBeDefined();
});

it("fills a new index from the rows there are", async () => {
  const first = await start();
  for (const seq of [3, 1, 2])
    await first.http().mutation(api.messages.send, { channel: `c${seq}`, seq, body: "b" });
  await first.stop();
  const functions = changedApp({
    "schema.ts": `
      import { defineSchema, defineTable } from "convex/server";
      import { v } from "convex/values";
      export default defineSchema({
        messages: defineTable(v.any()).index("by_seq", ["seq"]).index("by_channel", ["channel", "seq"]),
        users: defineTable(v.any()), anything: defineTable(v.any()).index("by_value", ["value"]), events: defineTable(v.any()),
      });`,
    "sorted.ts": `
      import { query } from "./_generated/server";
      export default query({ args: {}, handler: async (ctx) =>
        (await ctx.db.query("messages").withIndex("by_seq").collect()).map((m) => m.seq) });`,
  });
  const second = await start(functions);
  const response = await fetch(`${second.url}/api/query`, {
    method: "POST",
    body: JSON.stringify({ path: "sorted", args: {} }),
  });
  expect(await response.json()).toMatchObject({ value: [1, 2, 3] });
});

it("says what is wrong with a folder of functions that can't run", async () => {
  const attempt = async (functions: string, ...extra: string[]) => {
    running.push(await Deployment.start({ data: join(folder, "data"), functions, extra }));
  };
  await expect(attempt(join(folder, "nowhere"))).rejects.toThrow("does not exist; name it with --functions");
  await expect(attempt(changedApp({ "bad.ts": "export const x = ;" }))).rejects.toThrow(
    /convex\/bad\.ts:1: Unexpected/,
  );
  await expect(attempt(changedApp({ "bad.ts": 'export {};\nthrow new Error("at load");' }))).rejects.toThrow(
    /Failed to load bad: Error: at load/,
  );
  await expect(attempt(APP, "--port", "many")).rejects.toThrow(
    '--port must be a number from 0 to 65535, not "many"',
  );
});

it("stops within two seconds, also with a client connected and an action running", async () => {
  const deployment = await start();
  const client = deployment.client();
  await client.query(api.messages.list, { channel: "a" });
  await deployment.http().mutation(api.jobs.slowActionLater, { name: "slow", ms: 60_000 });
  const began = Date.now();
  expect(await deployment.stop()).toBe(0);
  expect(Date.now() - began).toBeLessThan(2_500);
  expect(existsSync(join(folder, "data/state.sqlite"))).toBe(true);
});

it("says hello to people, and answers /version", async () => {
  const data = join(folder, "data");
  const child = spawn(
    process.execPath,
    ["embedded/main.mjs", "--port", "0", "--site-port", "0", "--data", data, "--functions", APP],
    { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] },
  );
  try {
    const line = await within(
      new Promise<string>((next) => child.stdout.once("data", (t) => next(String(t)))),
      "a line",
    );
    const url = /at (http:\S+),/.exec(line)?.[1];
    expect(line).not.toContain("|");
    expect(await (await fetch(`${url}/version`)).text()).not.toBe("");
  } finally {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await within(exited, "the exit");
  }
});

it("takes a file of the first format, and refuses one of a format that it doesn't know", async () => {
  const first = await start();
  await first.http().mutation(api.messages.send, { channel: "old", seq: 1, body: "from before" });
  await first.stop();
  const file = join(folder, "data/state.sqlite");
  const old = new DatabaseSync(file);
  // What the first format had not.
  for (const table of ["app", "search_indexes", "vectors", "transfers", "files", "secrets"]) {
    old.exec(`DROP TABLE ${table}`);
  }
  old.exec("PRAGMA user_version = 1");
  old.close();
  const second = await start();
  expect(await second.http().query(api.messages.list, { channel: "old" })).toMatchObject([
    { body: "from before" },
  ]);
  await second.stop();
  const newer = new DatabaseSync(file);
  newer.exec("PRAGMA user_version = 99");
  newer.close();
  await expect(start()).rejects.toThrow(/has format 99, newer than this program knows/);
});
