/**
 * What a function makes of a full disk that it meets in the middle. SQLite is given a largest number of pages, which
 * fails as a full disk does, at any statement and not only at the commit.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GenericMutationCtx, mutationGeneric, queryGeneric } from "convex/server";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { StorageError } from "../../embedded/engine/errors.ts";
import { Executor } from "../../embedded/engine/executor.ts";
import { Store } from "../../embedded/engine/store.ts";
import { installConvexGlobal } from "../../embedded/runtime/context.ts";
import type { Loaded, Registered } from "../../embedded/runtime/loader.ts";
import type { Outcome } from "../../embedded/runtime/messages.ts";
import { Pulse } from "../../embedded/runtime/pulse.ts";
import { FileFolder } from "../../embedded/storage/fileFolder.ts";
import { FileRecords } from "../../embedded/storage/fileRecords.ts";

// biome-ignore lint/suspicious/noExplicitAny: a data model of any tables
type Context = GenericMutationCtx<any>;
const LARGE = "x".repeat(100_000);
const insert = async (ctx: Context) => {
  for (let i = 0; i < 20; i++) await ctx.db.insert("notes", { text: LARGE });
};
const inner = mutationGeneric({ args: {}, handler: insert });
const FUNCTIONS = {
  "notes:count": queryGeneric({
    args: {},
    handler: async (ctx) => (await ctx.db.query("notes").collect()).length,
  }),
  "notes:insertOne": mutationGeneric({
    args: {},
    handler: (ctx) => ctx.db.insert("notes", { text: "small" }),
  }),
  "notes:insert": inner,
  "notes:insertAnyhow": mutationGeneric({
    args: {},
    handler: async (ctx: Context) => {
      await insert(ctx).catch(() => {});
      await ctx.db.insert("notes", { text: "small" }).catch(() => {});
      return "it went well";
    },
  }),
  "notes:nestedAnyhow": mutationGeneric({
    args: {},
    handler: async (ctx: Context) => {
      await ctx.db.insert("notes", { text: "small" });
      await ctx
        .runMutation("notes:insert" as unknown as Parameters<Context["runMutation"]>[0], {})
        .catch(() => {});
      return "it went well";
    },
  }),
};

let folder: string;
let store: Store;
let executor: Executor;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "convex-void-"));
  installConvexGlobal();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  store?.db.close();
  store = new Store(join(folder, `${Math.random()}.sqlite`));
  const functions = new Map(Object.entries(FUNCTIONS) as unknown as [string, Registered][]);
  const specs = [...functions].map(([path, registered]) => ({
    component: "",
    path,
    kind: registered.isQuery ? ("query" as const) : ("mutation" as const),
    visibility: "public" as const,
    environment: "isolate" as const,
    args: '{"type":"any"}',
    returns: null,
  }));
  const tree = { path: "", definition: "", env: null, children: {}, httpMounts: {} };
  const nothing = { crons: [], routes: [], auth: null, schema: null, schemas: [], tree, definitions: [] };
  const analysis = { functions: specs, ...nothing };
  const loaded: Loaded = { functions, routers: new Map(), analysis };
  const files = new FileRecords(store, new FileFolder(join(folder, "files")), "http://deployment");
  executor = new Executor(store, null, loaded, new Pulse(), files);
  expect((await mutate("notes:insertOne")).ok).toBe(true);
});

const call = (path: string) => ({ path, args: {}, identity: { kind: "none" as const } });
async function mutate(path: string): Promise<Outcome> {
  return (await executor.mutation(1, { ...call(path), requestId: "r" })).outcome;
}
async function count(): Promise<unknown> {
  const { outcome } = await executor.query(1, 0, { ...call("notes:count"), journal: null });
  return outcome.ok ? JSON.parse(outcome.value) : outcome.error.message;
}
const pages = (limit: number) => store.db.exec(`PRAGMA max_page_count = ${limit}`);

it.each(["notes:insert", "notes:insertAnyhow", "notes:nestedAnyhow"])("%s leaves nothing", async (path) => {
  pages(60);
  for (let round = 0; round < 3; round++) {
    await expect(mutate(path)).rejects.toThrow(StorageError);
    expect(store.db.isTransaction).toBe(false);
    expect(await count()).toBe(1);
  }
  pages(100_000);
  expect((await mutate(path)).ok).toBe(true);
  expect(await count()).toBe(path === "notes:insert" ? 21 : 22);
});

it("is no obstacle to what still fits", async () => {
  pages(60);
  await expect(mutate("notes:insert")).rejects.toThrow("The disk that holds this deployment's data is full");
  expect((await mutate("notes:insertOne")).ok).toBe(true);
  expect(await count()).toBe(2);
});

it("forgets a table that was new in what failed", async () => {
  const fresh = new Store(join(folder, "fresh.sqlite"));
  fresh.begin();
  fresh.ensureTable("later");
  fresh.db.exec("PRAGMA max_page_count = 1");
  expect(() => {
    for (let i = 0; i < 1000; i++) fresh.run("INSERT INTO docs (json) VALUES (?)", LARGE);
  }).toThrow(StorageError);
  fresh.rollback();
  fresh.reload();
  expect(fresh.tables.has("later")).toBe(false);
  fresh.db.close();
});
