/** `npx convex import` and `export` against the deployment. */
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { anyApi, type FunctionReference } from "convex/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { api } from "./app/convex/_generated/api.js";
import { Project } from "./commandLine.ts";
import { APP, Deployment, Watch } from "./harness.ts";

let project: Project;
let deployment: Deployment;
beforeAll(async () => {
  project = new Project();
  symlinkSync(APP, project.path("convex"));
  deployment = await Deployment.start();
});
afterAll(async () => {
  await deployment.stop();
  project.remove();
});

const convex = async (target: Deployment, ...args: string[]) => (await project.convex(target, ...args)).both;
const file = (name: string, content: string | Buffer) => project.write(name, content);
const rows = async (table: string, target = deployment) =>
  (await project.convex(target, "data", table, "--format", "jsonl", "--limit", "100")).stdout
    .trim()
    .split("\n")
    .reverse();
const list = (channel: string) =>
  deployment.http().query(api.messages.list, { channel }) as Promise<{ body: string; seq: number }[]>;

describe("import", () => {
  it("JSON lines are added, and live queries see them together", async () => {
    const client = deployment.client();
    const watch = new Watch<unknown[]>((value, error) =>
      client.onUpdate(api.messages.list, { channel: "in" }, value, error),
    );
    await watch.until((found) => found.length === 0);
    const text = [1, 2, 3].map((seq) => JSON.stringify({ channel: "in", seq, body: `b${seq}` })).join("\n");
    const told = await convex(
      deployment,
      "import",
      "--table",
      "messages",
      "--append",
      file("in.jsonl", text),
    );
    expect(told).toContain('Added 3 documents to table "messages"');
    await watch.until((found) => found.length === 3);
    expect(watch.values.map((found) => found.length)).toEqual([0, 3]);
  });

  it("CSV and a JSON array; replace takes the place of what was there", async () => {
    await convex(deployment, "import", "--table", "anything", file("a.csv", "value\nann\n2.5\n"));
    expect((await rows("anything")).map((row) => JSON.parse(row))).toMatchObject([
      { value: "ann" },
      { value: 2.5 },
    ]);
    const array = file("a.json", '[{"value": {"name": "cyd"}}]');
    await expect(convex(deployment, "import", "--table", "anything", array)).rejects.toThrow(
      /already has documents.*--append, or --replace/,
    );
    await convex(deployment, "import", "--table", "anything", "--replace", "--yes", array);
    expect((await rows("anything")).map((row) => JSON.parse(row))).toMatchObject([
      { value: { name: "cyd" } },
    ]);
  });

  it.each([
    ["a line that is no JSON", "bad.jsonl", '{"channel": "x"}\nnot json\n', /line 2 is not valid JSON/],
    [
      "a document that breaks the schema",
      "bad.jsonl",
      '{"channel": "x"}\n',
      /document 1:.*does not match the schema/s,
    ],
    [
      "an id of another kind",
      "bad.jsonl",
      '{"_id": "nothing", "channel": "x", "seq": 1, "body": ""}\n',
      /is no document id/,
    ],
    ["a broken array", "bad.json", "[1, 2]", /element 0: a document must be a JSON object/],
    ["a ragged CSV", "bad.csv", "a,b\n1,2,3\n", /can't be read as CSV/],
  ])("refuses %s, and changes nothing", async (_name, name, text, message) => {
    const before = await list("in");
    await expect(
      convex(deployment, "import", "--table", "messages", "--append", file(name, text)),
    ).rejects.toThrow(message);
    expect(await list("in")).toEqual(before);
  });

  it("refuses a zip that is none, or holds what no export holds", async () => {
    await expect(convex(deployment, "import", file("x.zip", "not a zip"))).rejects.toThrow(/is no zip/);
    const zip = new ZipFile();
    zip.addBuffer(Buffer.from("{}"), "messages/doc uments.jsonl");
    zip.end();
    const parts: Buffer[] = [];
    for await (const part of zip.outputStream) parts.push(part as Buffer);
    await expect(convex(deployment, "import", file("y.zip", Buffer.concat(parts)))).rejects.toThrow(
      /is no part of an export/,
    );
  });

  it("is for holders of the admin key", async () => {
    for (const path of ["import/start_upload", "export/request/zip", "perform_import"]) {
      const response = await fetch(`${deployment.url}/api/${path}`, { method: "POST" });
      expect(response.status).toBe(403);
    }
    const unknown = await fetch(`${deployment.url}/api/import/upload_part?uploadToken=x&partNumber=1`, {
      method: "POST",
      headers: { authorization: `Convex ${deployment.adminKey}` },
      body: "x",
    });
    expect(await unknown.json()).toMatchObject({ code: "UnknownUpload" });
  });
});

it("an export, imported into a new deployment, gives the same documents, ids and times", async () => {
  const special = {
    text: "ü",
    big: { $integer: "AQAAAAAAAAA=" },
    raw: { $bytes: "AAEC" },
    nan: { $float: "AAAAAAAA+H8=" },
  };
  const text = JSON.stringify({ value: special });
  await convex(deployment, "import", "--table", "anything", "--append", file("special.jsonl", text));
  expect(await convex(deployment, "export", "--path", "all.zip")).toContain("Downloaded snapshot export");
  expect(readFileSync(project.path("all.zip")).subarray(0, 2).toString()).toBe("PK");
  const data = project.path("fresh");
  let fresh = await Deployment.start({ functions: null, data });
  try {
    await convex(fresh, "import", "all.zip");
    for (const table of ["anything", "messages"]) expect(await rows(table, fresh)).toEqual(await rows(table));
    await expect(convex(fresh, "import", "all.zip")).rejects.toThrow(/already has documents/);
    await convex(fresh, "import", "--replace", "--yes", "all.zip");
    expect(await rows("messages", fresh)).toEqual(await rows("messages"));
    // The app fits what was imported, and goes on with it.
    await fresh.stop();
    fresh = await Deployment.start({ data });
    await fresh.http().mutation(api.messages.send, { channel: "in", seq: 4, body: "after" });
    expect(await fresh.http().query(api.messages.list, { channel: "in" })).toHaveLength(4);
  } finally {
    await fresh.stop();
  }
});

it("stored files travel with --include-file-storage", async () => {
  const files = join(import.meta.dirname, "filesApp/convex");
  const from = await Deployment.start({ functions: files });
  const to = await Deployment.start({ functions: files });
  try {
    const call = (name: string) =>
      (anyApi.files as Record<string, unknown>)[name] as FunctionReference<"mutation">;
    const uploadUrl = (await from.http().mutation(call("uploadUrl"), {})) as string;
    const stored = await fetch(uploadUrl, {
      method: "POST",
      body: "kept well",
      headers: { "content-type": "text/plain" },
    });
    const { storageId } = (await stored.json()) as { storageId: string };
    await convex(from, "export", "--include-file-storage", "--path", "files.zip");
    await convex(to, "import", "--replace", "--yes", "files.zip");
    const url = (await to
      .http()
      .query(call("url") as unknown as FunctionReference<"query">, { id: storageId })) as string;
    const served = await fetch(url);
    expect(served.headers.get("content-type")).toBe("text/plain");
    expect(await served.text()).toBe("kept well");
  } finally {
    await from.stop();
    await to.stop();
  }
});
