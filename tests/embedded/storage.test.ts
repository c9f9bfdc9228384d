/** File storage with official clients, fetch, and what others may send. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { anyApi } from "convex/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeUploadToken } from "../../embedded/storage/uploadTokens.ts";
import { Deployment, eventually, Watch, within } from "./harness.ts";

const MiB = 1024 * 1024;
const FUNCTIONS = join(import.meta.dirname, "filesApp/convex");
const { files } = anyApi as unknown as Record<"files", typeof anyApi.files>;
type Row = { _id: string; _creationTime: number; sha256: string; size: number; contentType?: string };

let deployment: Deployment;

beforeAll(async () => {
  deployment = await Deployment.start({ functions: FUNCTIONS });
}, 20_000);

afterAll(async () => {
  await deployment.stop();
});

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("base64");
const query = (name: string, args: object = {}) =>
  deployment.http().query(files?.[name] as never, args as never);
const mutate = (name: string, args: object = {}) =>
  deployment.http().mutation(files?.[name] as never, args as never);
const act = (name: string, args: object = {}) =>
  deployment.http().action(files?.[name] as never, args as never);

async function upload(body: BodyInit, headers: Record<string, string> = {}): Promise<string> {
  const url = (await mutate("uploadUrl")) as string;
  const response = await within(fetch(url, { method: "POST", body, headers }), "the upload", 15_000);
  const answer = (await response.json()) as { storageId: string };
  expect(answer).toEqual({ storageId: expect.any(String) });
  return answer.storageId;
}

async function refused(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

/** Names in the folder of files. */
const onDisk = (of = deployment) => {
  const folder = join(of.data, "files");
  return existsSync(folder) ? readdirSync(folder) : [];
};
const rows = async () => (await query("list")) as Row[];

describe("from a client to a client", () => {
  test("a file is uploaded, found and fetched", async () => {
    const id = await upload("hello", { "content-type": "text/x-greeting; charset=utf-8" });
    const url = (await query("url", { id })) as string;
    expect(url).toMatch(new RegExp(`^${deployment.url}/api/storage/[0-9a-f-]{36}$`));
    const response = await fetch(url, { headers: { origin: "https://app.example" } });
    expect(await response.text()).toBe("hello");
    expect(response.headers.get("content-type")).toBe("text/x-greeting; charset=utf-8");
    expect(response.headers.get("digest")).toBe(`sha-256=${sha256("hello")}`);
    expect(response.headers.get("cache-control")).toBe("private, max-age=2592000");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
    const { old, row } = (await query("metadata", { id })) as { old: object; row: Row };
    expect(row).toEqual({
      _id: id,
      _creationTime: expect.any(Number),
      sha256: sha256("hello"),
      size: 5,
      contentType: "text/x-greeting; charset=utf-8",
    });
    expect(old).toEqual({
      storageId: id,
      sha256: createHash("sha256").update("hello").digest("hex"),
      size: 5,
      contentType: "text/x-greeting; charset=utf-8",
    });
  });

  test("without a type, and empty", async () => {
    const id = await upload(new Uint8Array());
    const row = (await rows()).find(({ _id }) => _id === id);
    expect(row).toEqual({ _id: id, _creationTime: expect.any(Number), sha256: sha256(""), size: 0 });
    const response = await fetch((await query("url", { id })) as string);
    expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 0]);
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
  });

  test("a browser may ask before it uploads", async () => {
    const response = await fetch((await mutate("uploadUrl")) as string, {
      method: "OPTIONS",
      headers: {
        origin: "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,digest",
      },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-headers")).toBe("content-type,digest");
    expect(response.headers.get("access-control-allow-methods")).toContain("POST");
  });

  test("live queries see files come and go, and ids of files are ids", async () => {
    const client = deployment.client();
    type Pictures = { name: string; url: string | null }[];
    const watch = new Watch<Pictures>((onValue, onError) =>
      client.onUpdate(files?.pictures as never, {} as never, onValue as never, onError),
    );
    const all = new Watch<Row[]>((onValue, onError) =>
      client.onUpdate(files?.list as never, {} as never, onValue as never, onError),
    );
    const id = await upload("picture");
    await all.until((list) => list.some(({ _id }) => _id === id));
    await mutate("attach", { file: id, name: "one" });
    const [picture] = await watch.until((list) => list.length === 1 && list[0]?.url !== null);
    expect(await (await fetch(picture?.url as string)).text()).toBe("picture");
    await mutate("remove", { id });
    await watch.until((list) => list[0]?.url === null);
    await all.until((list) => !list.some(({ _id }) => _id === id));
    watch.stop();
    all.stop();
    await expect(mutate("attach", { file: "no id", name: "two" })).rejects.toThrow("ArgumentValidationError");
  });

  test("a deleted file is gone, from the disk too, and can't be deleted again", async () => {
    const id = await upload("short-lived");
    const url = (await query("url", { id })) as string;
    const name = url.split("/").at(-1) as string;
    expect(onDisk()).toContain(name);
    await mutate("remove", { id });
    expect(await query("url", { id })).toBeNull();
    expect(await query("metadata", { id })).toEqual({ old: null, row: null });
    expect(await refused(await fetch(url))).toEqual([404, "FileNotFound"]);
    expect(onDisk()).not.toContain(name);
    await expect(mutate("remove", { id })).rejects.toThrow("not found");
  });

  test("a deletion that is rolled back keeps the file", async () => {
    const id = await upload("kept");
    await expect(mutate("removeInVain", { id })).rejects.toThrow("url now: null");
    expect(await (await fetch((await query("url", { id })) as string)).text()).toBe("kept");
    await expect(mutate("removeRow", { id })).rejects.toThrow("read-only");
  });
});

describe("in functions", () => {
  test("actions store and get", async () => {
    const made = (await act("roundTrip", { text: "from an action" })) as Record<string, string>;
    expect(made).toMatchObject({ type: "text/x-test", text: "from an action" });
    expect(await (await fetch(made.url as string)).text()).toBe("from an action");
    const sent = await fetch(made.upload as string, { method: "POST", body: "x" });
    expect(sent.status).toBe(200);
    expect(await act("getThenDelete", { id: made.id })).toEqual({ text: "from an action", again: true });
    expect(await act("copy", { id: made.id })).toBeNull();
  });

  test("a checksum that doesn't fit stores nothing", async () => {
    const before = onDisk().length;
    await act("roundTrip", { text: "right", sha256: sha256("right") });
    await expect(act("roundTrip", { text: "wrong", sha256: sha256("right") })).rejects.toThrow("checksum");
    await expect(act("roundTrip", { text: "wrong", sha256: "?" })).rejects.toThrow("sha256");
    expect(onDisk().length).toBe(before + 1);
  });

  test("mutations store and get, or nothing remains", async () => {
    const made = (await mutate("storeInMutation", { text: "m", fail: false })) as Record<string, string>;
    expect(made).toEqual({ id: expect.any(String), text: "m", type: "text/plain" });
    const before = onDisk().length;
    await expect(mutate("storeInMutation", { text: "n", fail: true })).rejects.toThrow("in vain");
    expect(onDisk().length).toBe(before);
  });

  test("HTTP actions do, as in Convex's examples", async () => {
    const stored = await fetch(`${deployment.siteUrl}/image`, {
      method: "POST",
      body: "pixels",
      headers: { "content-type": "image/x-test" },
    });
    const { storageId } = (await stored.json()) as { storageId: string };
    const got = await fetch(`${deployment.siteUrl}/image?id=${storageId}`);
    expect([await got.text(), got.headers.get("content-type")]).toEqual(["pixels", "image/x-test"]);
  });

  test("queries can't write, and ids must be ids of files", async () => {
    await expect(query("generateInQuery")).rejects.toThrow("generateUploadUrl");
    await expect(query("anyUrl", { id: "../../admin-key" })).rejects.toThrow("Unable to decode ID");
    const row = await mutate("attach", { file: await upload("x"), name: "three" });
    await expect(query("anyUrl", { id: row })).rejects.toThrow('expected an ID of table "_storage"');
  });
});

test("a component has files of its own", async () => {
  const { vaults } = anyApi as unknown as Record<"vaults", typeof anyApi.files>;
  const http = deployment.http();
  const look = async (id: string) =>
    (await http.query(vaults?.look as never, { id } as never)) as { url: string; all: string[] };
  const made = (await http.action(vaults?.store as never, { text: "secret" } as never)) as string;
  const target = (await http.mutation(vaults?.uploadUrl as never)) as string;
  const sent = await fetch(target, { method: "POST", body: "sent" });
  const { storageId } = (await sent.json()) as { storageId: string };
  const { url, all } = await look(storageId);
  expect(all).toEqual([made, storageId]);
  expect(await (await fetch(url)).text()).toBe("sent");
  expect(await (await fetch((await look(made)).url)).text()).toBe("secret");
  // Not the app's: neither in its table nor by its ids, and the other way round.
  expect((await rows()).map(({ _id }) => _id)).not.toContain(made);
  await expect(query("url", { id: made })).rejects.toThrow();
  await expect(query("anyUrl", { id: made })).rejects.toThrow("Unable to decode ID");
  await expect(look(await upload("the app's"))).rejects.toThrow();
});

describe("serving", () => {
  let url: string;
  beforeAll(async () => {
    url = (await query("url", { id: await upload("0123456789") })) as string;
  });
  const get = (headers: Record<string, string>, method = "GET") => fetch(url, { headers, method });

  test.each([
    ["bytes=2-4", "234", "bytes 2-4/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=8-99", "89", "bytes 8-9/10"],
    ["bytes=-99", "0123456789", "bytes 0-9/10"],
  ])("%s is a part", async (range, text, contentRange) => {
    const response = await get({ range });
    expect([response.status, await response.text()]).toEqual([206, text]);
    expect(response.headers.get("content-range")).toBe(contentRange);
    expect(response.headers.get("content-length")).toBe(String(text.length));
  });

  test.each(["bytes=4-2", "bytes=x-y", "lines=1-2", "bytes=0-1,3-4", "bytes=-"])(
    "%s is the whole",
    async (range) => {
      expect((await get({ range })).status).toBe(200);
    },
  );

  test.each(["bytes=10-", "bytes=99-100", "bytes=-0"])("%s is beyond it", async (range) => {
    const response = await get({ range });
    expect(await refused(response)).toEqual([416, "RangeNotSatisfiable"]);
    expect(response.headers.get("content-range")).toBe("bytes */10");
    expect(response.headers.get("cache-control")).toBeNull();
  });

  test("HEAD, and what the client has already", async () => {
    const head = await get({}, "HEAD");
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "10", ""]);
    const etag = head.headers.get("etag") as string;
    expect((await get({ "if-none-match": `"other", ${etag}` })).status).toBe(304);
    expect((await get({ "if-none-match": '"other"' })).status).toBe(200);
    expect((await get({ "if-range": etag, range: "bytes=0-0" })).status).toBe(206);
    expect((await get({ "if-range": '"other"', range: "bytes=0-0" })).status).toBe(200);
    expect(await refused(await get({}, "DELETE"))).toEqual([405, "MethodNotAllowed"]);
  });

  test("pages that somebody uploaded have no part in this origin", async () => {
    const page = "<script>alert(1)</script>";
    for (const [type, sandboxed] of [
      ["text/html", true],
      ["image/svg+xml", true],
      ["image/png", false],
    ] as const) {
      const served = await fetch(
        (await query("url", { id: await upload(page, { "content-type": type }) })) as string,
      );
      expect(served.headers.get("content-type")).toBe(type);
      expect(served.headers.get("content-security-policy")?.startsWith("sandbox") ?? false).toBe(sandboxed);
    }
  });
});

describe("what else may come", () => {
  const send = (token: string, init: RequestInit = {}) =>
    fetch(`${deployment.url}/api/storage/upload?token=${encodeURIComponent(token)}`, {
      method: "POST",
      body: "x",
      ...init,
    });

  test("forged, altered, foreign and missing tokens", async () => {
    const before = onDisk();
    const token = new URL((await mutate("uploadUrl")) as string).searchParams.get("token") as string;
    const [payload = "", signature = ""] = token.split(".");
    const forged = makeUploadToken("another secret", "", Date.now());
    const claims = { ...JSON.parse(Buffer.from(payload, "base64url").toString()), component: "other" };
    const altered = `${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${signature}`;
    for (const bad of ["", ".", payload, `${payload}.`, `${token}.x`, forged, altered, "x".repeat(10_000)]) {
      expect(await refused(await send(bad))).toEqual([401, "InvalidStorageToken"]);
    }
    expect(onDisk()).toEqual(before);
    expect((await send(token)).status).toBe(200);
  });

  test("ids that are paths, or nothing", async () => {
    for (const name of ["..%2fadmin-key", "%2e%2e%2fstate.sqlite", "x", "", "a/b", "0".repeat(5_000)]) {
      const response = await fetch(`${deployment.url}/api/storage/${name}`);
      expect(await refused(response)).toEqual([400, "InvalidStoragePath"]);
    }
    const unknown = await fetch(`${deployment.url}/api/storage/00000000-0000-4000-8000-000000000000`);
    expect(await refused(unknown)).toEqual([404, "FileNotFound"]);
  });

  test("a digest is checked", async () => {
    const token = new URL((await mutate("uploadUrl")) as string).searchParams.get("token") as string;
    const before = onDisk();
    const digest = (of: string) => ({ headers: { digest: `sha-256=${sha256(of)}` } });
    expect(await refused(await send(token, digest("y")))).toEqual([400, "DigestMismatch"]);
    expect(await refused(await send(token, { headers: { digest: "md5=abc" } }))).toEqual([400, "BadDigest"]);
    expect(onDisk()).toEqual(before);
    expect((await send(token, digest("x"))).status).toBe(200);
  });

  test("a body that ends half-way leaves nothing", async () => {
    const before = [onDisk(), await rows()];
    const target = new URL((await mutate("uploadUrl")) as string);
    const socket = connect(Number(target.port), target.hostname);
    socket.on("error", () => {});
    await within(once(socket, "connect"), "the connection");
    socket.write(
      `POST ${target.pathname}${target.search} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n`,
    );
    socket.write(Buffer.alloc(300_000));
    await eventually(
      async () => (onDisk().some((name) => name.endsWith(".part")) ? true : null),
      "the beginning",
    );
    socket.destroy();
    await eventually(async () => (onDisk().length === before[0]?.length ? true : null), "the removal");
    expect([onDisk(), await rows()]).toEqual(before);
  });

  test("more than the disk can hold is refused before it is sent", async () => {
    const target = new URL((await mutate("uploadUrl")) as string);
    const socket = connect(Number(target.port), target.hostname);
    const text = `POST ${target.pathname}${target.search} HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000000000000\r\n\r\n`;
    socket.write(text);
    const [answer] = (await within(once(socket, "data"), "the answer")) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1\.1 503[\s\S]*StorageUnavailable/);
    socket.destroy();
  });
});

test("of a large file only parts are in memory, in and out and through an action", async () => {
  const size = 256 * MiB;
  const part = new Uint8Array(MiB).fill(7);
  const memory = () =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${deployment.pid}/status`, "utf8"))?.[1]);
  const fresh = () => writeFileSync(`/proc/${deployment.pid}/clear_refs`, "5");
  fresh();
  const before = memory();
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (sent === size) return controller.close();
      sent += part.length;
      controller.enqueue(part);
    },
  });
  const url = (await mutate("uploadUrl")) as string;
  const response = await fetch(url, { method: "POST", body, duplex: "half" } as RequestInit);
  const { storageId: id } = (await response.json()) as { storageId: string };
  const copy = (await act("copy", { id })) as string;
  const got = await fetch((await query("url", { id: copy })) as string);
  let received = 0;
  const hash = createHash("sha256");
  for await (const chunk of got.body as unknown as AsyncIterable<Uint8Array>) {
    received += chunk.length;
    hash.update(chunk);
  }
  expect(received).toBe(size);
  expect(deployment.stderr).not.toContain("Warning");
  expect(got.headers.get("digest")).toBe(`sha-256=${hash.digest("base64")}`);
  // Buffers that wait for the collector; three times the file would have passed through.
  expect((memory() - before) / 1024).toBeLessThan(190);
  await mutate("remove", { id });
  await mutate("remove", { id: copy });
}, 30_000);

test("files outlive a restart and a kill; what was half done does not", async () => {
  let mine = await Deployment.start({ functions: FUNCTIONS });
  const { data } = mine;
  try {
    const url = (await mine.http().mutation(files?.uploadUrl as never)) as string;
    const stored = await fetch(url, { method: "POST", body: "durable" });
    const { storageId: id } = (await stored.json()) as { storageId: string };
    const target = new URL(url);
    const socket = connect(Number(target.port), target.hostname);
    socket.on("error", () => {});
    socket.write(
      `POST ${target.pathname}${target.search} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nhalf`,
    );
    await eventually(async () => (onDisk(mine).length === 2 ? true : null), "the beginning of a file");
    await mine.kill();
    // As if it had been killed between the file and its row.
    writeFileSync(join(data, "files", "00000000-0000-4000-8000-000000000000"), "orphan");
    expect(onDisk(mine).length).toBe(3);
    mine = await Deployment.start({ functions: FUNCTIONS, data });
    expect(onDisk(mine).length).toBe(1);
    const now = (await mine.http().query(files?.url as never, { id } as never)) as string;
    expect(await (await fetch(now)).text()).toBe("durable");
    // A URL given out before the restart works still.
    const old = `${mine.url}/api/storage/upload?token=${target.searchParams.get("token")}`;
    expect((await fetch(old, { method: "POST", body: "later" })).status).toBe(200);
  } finally {
    await mine.stop();
  }
}, 30_000);

test("killed again and again while files come and go, it keeps what it acknowledged and nothing half", async () => {
  let mine = await Deployment.start({ functions: FUNCTIONS });
  const { data } = mine;
  const kept = new Map<string, string>();
  /** Deletions that were asked for; unless acknowledged, either outcome is right. */
  const asked = new Set<string>();
  const deleted = new Set<string>();
  let made = 0;
  const work = async (): Promise<void> => {
    const http = mine.http();
    const target = (await http.mutation(files?.uploadUrl as never)) as string;
    for (;;) {
      made += 1;
      const text = `file ${made} `.repeat(20_000);
      const sent = await fetch(target, { method: "POST", body: text });
      const { storageId } = (await sent.json()) as { storageId: string };
      kept.set(storageId, text);
      if (made % 3 !== 0) continue;
      asked.add(storageId);
      await http.mutation(files?.remove as never, { id: storageId } as never);
      deleted.add(storageId);
    }
  };
  try {
    for (let round = 1; round <= 4; round++) {
      const goal = kept.size + 6 * round;
      // They end with the process.
      const workers = Promise.allSettled([work(), work(), work()]);
      await eventually(async () => (kept.size >= goal ? true : null), "files");
      await mine.kill();
      await within(workers, "the workers");
      mine = await Deployment.start({ functions: FUNCTIONS, data });
      const list = (await mine.http().query(files?.list as never)) as Row[];
      const there = new Set(list.map(({ _id }) => _id));
      for (const [id, text] of kept) {
        if (deleted.has(id)) expect(there.has(id)).toBe(false);
        else if (!asked.has(id)) expect(there.has(id)).toBe(true);
        if (!there.has(id)) continue;
        const url = (await mine.http().query(files?.url as never, { id } as never)) as string;
        expect((await (await fetch(url)).text()) === text).toBe(true);
      }
      // Each row has its file and each file its row.
      expect(onDisk(mine).length).toBe(list.length);
      for (const { _id } of list) {
        const url = (await mine.http().query(files?.url as never, { id: _id } as never)) as string;
        expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
        expect(onDisk(mine)).toContain(url.split("/").at(-1));
      }
    }
  } finally {
    await mine.stop();
  }
}, 60_000);
