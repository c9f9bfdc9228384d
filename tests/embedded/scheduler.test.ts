/** Scheduled functions, cron jobs and actions, also across kill -9. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { Deployment, eventually } from "./harness.ts";

let folder: string;
const running: Deployment[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "convex-scheduler-"));
});
afterEach(async () => {
  for (const deployment of running.splice(0)) await deployment.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<Deployment> {
  const deployment = await Deployment.start({ data: join(folder, "data") });
  running.push(deployment);
  return deployment;
}

const eventNames = async (deployment: Deployment) =>
  (await deployment.http().query(api.jobs.events, {})).map((event) => event.name);
const jobs = (deployment: Deployment) => deployment.http().query(api.jobs.scheduled, {});

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
