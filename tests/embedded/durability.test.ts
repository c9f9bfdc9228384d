/** State across the end of the process: kill -9, restart, schema changes, locks, the scheduler. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const eventNames = async (deployment: Deployment) =>
  (await deployment.http().query(api.jobs.events, {})).map((event) => event.name);
const jobs = (deployment: Deployment) => deployment.http().query(api.jobs.scheduled, {});

it("keeps everything acknowledged when it is killed in the middle of writing", async () => {
  const first = await start();
  const client = first.client();
  const acknowledged = new Set<number>();
  const writing = Array.from({ length: 500 }, (_, seq) =>
    client.mutation(api.messages.send, { channel: "kill", seq, body: "b" }).then(
      () => acknowledged.add(seq),
      () => {},
    ),
  );
  await eventually(async () => (acknowledged.size > 50 ? true : null), "some acknowledged writes");
  await first.kill();
  const before = [...acknowledged];
  void Promise.allSettled(writing);
  await client.close();
  const second = await start();
  const kept = (await second.http().query(api.messages.list, { channel: "kill" })).map(
    (message) => message.seq,
  );
  expect(new Set(kept).size).toBe(kept.length);
  for (const seq of before) expect(kept).toContain(seq);
  // What is there is a prefix of what was sent: one client's mutations are applied in order.
  expect(kept.toSorted((a, b) => a - b)).toEqual(Array.from({ length: kept.length }, (_, seq) => seq));
});

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

it("runs a scheduled mutation once, across a kill", async () => {
  const first = await start();
  await first.http().mutation(api.jobs.later, { name: "soon", ms: 300 });
  await first.http().mutation(api.jobs.later, { name: "distant", ms: 3_600_000 });
  await first.kill();
  const second = await start();
  await eventually(
    async () => ((await eventNames(second)).includes("soon") ? true : null),
    "the scheduled mutation",
  );
  await second.kill();
  const third = await start();
  const names = await eventNames(third);
  expect(names.filter((name) => name === "soon")).toHaveLength(1);
  expect(names).not.toContain("distant");
  const states = (await jobs(third)).map((job) => [job.args[0]?.name, job.state.kind]);
  expect(states).toContainEqual(["soon", "success"]);
  expect(states).toContainEqual(["distant", "pending"]);
});

it("doesn't run an action again that was cut off by a kill", async () => {
  const first = await start();
  await first.http().mutation(api.jobs.slowActionLater, { name: "slow", ms: 60_000 });
  await eventually(
    async () => ((await eventNames(first)).includes("slow began") ? true : null),
    "the action",
  );
  await first.kill();
  const second = await start();
  const job = (await jobs(second)).find((candidate) => candidate.name === "jobs.js:slowAction");
  expect(job?.state).toMatchObject({ kind: "failed" });
  expect((await eventNames(second)).filter((name) => name === "slow began")).toHaveLength(1);
});

it("schedules with the transaction, cancels, and tells failures", async () => {
  const deployment = await start();
  const http = deployment.http();
  await expect(http.mutation(api.jobs.scheduleAndFail, { name: "ghost" })).rejects.toThrow("rolled back");
  const id = await http.mutation(api.jobs.later, { name: "cancelled", ms: 200 });
  await http.mutation(api.jobs.cancel, { id });
  const failed = await http.mutation(api.jobs.failLater, {});
  const state = await eventually(async () => {
    const job = (await jobs(deployment)).find((candidate) => candidate._id === failed);
    return job?.state.kind === "failed" ? job.state : null;
  }, "the failure");
  expect(state).toMatchObject({ kind: "failed", error: expect.stringContaining("on purpose") as string });
  await http.mutation(api.jobs.later, { name: "after", ms: 250 });
  await eventually(
    async () => ((await eventNames(deployment)).includes("after") ? true : null),
    "the later one",
  );
  const names = await eventNames(deployment);
  expect(names).not.toContain("cancelled");
  expect(names).not.toContain("ghost");
});

it("runs interval cron jobs at once, calendar ones later, and keeps their times", async () => {
  const first = await start();
  await eventually(async () => ((await eventNames(first)).includes("cron") ? true : null), "the cron job");
  await first.kill();
  const second = await start();
  const names = await eventNames(second);
  expect(names.filter((name) => name === "cron")).toHaveLength(1);
  expect(names).not.toContain("nightly");
});

it("lets actions reach the network, call functions and schedule", async () => {
  const deployment = await start();
  const server: Server = createServer((_request, response) => response.end("from afar"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await deployment.http().action(api.jobs.fetchText, { url })).toBe(
      "from afar, only for the deployment",
    );
    await eventually(
      async () => ((await eventNames(deployment)).includes("from afar later") ? true : null),
      "what the action scheduled",
    );
  } finally {
    server.close();
  }
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
    ["embedded/main.ts", "--port", "0", "--site-port", "0", "--data", data, "--functions", APP],
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
