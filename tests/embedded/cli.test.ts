/** The official command line against a deployment. */
import { symlinkSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { COMMAND_LIMIT_MS, Project } from "./commandLine.ts";
import { APP, Deployment, within } from "./harness.ts";

let deployment: Deployment;
let project: Project;

beforeAll(async () => {
  deployment = await Deployment.start();
  project = new Project();
  symlinkSync(APP, project.path("convex"));
});
afterAll(async () => {
  await deployment.stop();
  project.remove();
});
const convex = async (...args: string[]) => (await project.convex(deployment, ...args)).stdout;

it("convex run: public and internal functions, and the list of names for a wrong one", async () => {
  await convex("run", "messages:internalSend", '{"channel": "cli", "body": "from the command line"}');
  const listed = JSON.parse(await convex("run", "messages:list", '{"channel": "cli"}')) as { body: string }[];
  expect(listed.map((message) => message.body)).toEqual(["from the command line"]);
  await expect(convex("run", "messages:nothing")).rejects.toThrow(
    /Could not find function[\s\S]*messages:[\s\S]*list/,
  );
});

it("convex data: tables and rows", async () => {
  await deployment.http().mutation(api.messages.send, { channel: "data", seq: 1, body: "in a table" });
  expect((await convex("data")).split("\n")).toEqual(["anything", "events", "messages", "users"]);
  expect(await convex("data", "messages")).toContain('"in a table"');
});

it("convex env: set, list, get, remove", async () => {
  await convex("env", "set", "PET", "cat");
  expect(await convex("env", "list", "--include-values")).toContain("PET=cat");
  expect(await convex("env", "get", "PET")).toBe("cat");
  expect(await deployment.http().query(api.values.setting, { name: "PET" })).toBe("cat");
  await convex("env", "remove", "PET");
  expect(await deployment.http().query(api.values.setting, { name: "PET" })).toBeNull();
});

it("convex logs: what functions log, as they run", async () => {
  const logs = project.start(deployment, "logs");
  try {
    let seen = "";
    const line = new Promise<void>((resolve) => {
      logs.stdout?.on("data", (text) => {
        seen += String(text);
        if (seen.includes("'logged'")) resolve();
      });
    });
    await within(
      new Promise((ready) => logs.stderr?.once("data", ready)),
      "the command line",
      COMMAND_LIMIT_MS,
    );
    // The first poll only finds out where the log ends; functions go on running until one is shown.
    const sent: Promise<unknown>[] = [];
    const timer = setInterval(() => {
      sent.push(deployment.http().mutation(api.messages.send, { channel: "logged", seq: 1, body: "b" }));
    }, 100);
    await within(line, "a log line", COMMAND_LIMIT_MS).finally(() => clearInterval(timer));
    await Promise.all(sent);
    expect(seen).toMatch(/\[CONVEX M\(messages:send\)\] \[LOG\] 'sent' 'logged' 1/);
  } finally {
    logs.kill();
  }
});
