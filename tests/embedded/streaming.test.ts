/** HTTP actions whose bodies stream, in both directions, with the clients that come and go. */
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Deployment, eventually, within } from "./harness.ts";

const MiB = 1024 * 1024;
let deployment: Deployment;

beforeAll(async () => {
  deployment = await Deployment.start({ functions: join(import.meta.dirname, "filesApp/convex") });
}, 20_000);

afterAll(async () => {
  await deployment.stop();
});

const site = (path: string, init?: RequestInit) =>
  within(fetch(deployment.siteUrl + path, init), `the answer of ${path}`, 15_000);
const tick = (text: string) => site("/tick", { method: "POST", body: text });

async function state(): Promise<{ cancelled: number; pulled: number; aborted: number }> {
  return (await site("/state")).json() as never;
}

function reading(response: Response): () => Promise<string | null> {
  const reader = response.body?.getReader();
  return async () => {
    const got = await within(reader?.read() as Promise<{ done: boolean; value: Uint8Array }>, "a chunk");
    return got.done ? null : new TextDecoder().decode(got.value);
  };
}

async function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await within(once(sent, "response"), "an answer")) as [IncomingMessage];
  return response;
}

describe("a response's body", () => {
  test("arrives while the function still writes it", async () => {
    const response = await site("/events");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const next = reading(response);
    expect(await next()).toBe("data: first\n\n");
    await tick("second");
    expect(await next()).toBe("data: second\n\n");
    await tick("end");
    expect(await next()).toBeNull();
  });

  test("also under /http of the API port", async () => {
    const next = reading(await fetch(`${deployment.url}/http/events`));
    expect(await next()).toBe("data: first\n\n");
    await tick("end");
    expect(await next()).toBeNull();
  });

  test("that breaks after the head ends the connection, so that nobody takes it for whole", async () => {
    const next = reading(await site("/events"));
    expect(await next()).toBe("data: first\n\n");
    await tick("fail");
    await expect(next()).rejects.toThrow();
    await eventually(async () => (deployment.stderr.includes("The stream broke.") ? true : null), "the log");
  });

  test("is cancelled when the client goes away", async () => {
    const before = await state();
    const leaving = new AbortController();
    const response = await site("/events", { signal: leaving.signal });
    await reading(response)();
    leaving.abort();
    await eventually(async () => {
      const now = await state();
      return now.cancelled > before.cancelled && now.aborted > before.aborted ? now : null;
    }, "the cancellation");
  });

  test("waits for a client that reads slowly", async () => {
    const slow = request(`${deployment.siteUrl}/large?chunks=300`, { agent: false });
    slow.end();
    const response = await answerOf(slow);
    response.pause();
    // What fits into sockets and window is made, and no more: the number comes to rest.
    let last = -1;
    const rest = await eventually(async () => {
      const { pulled } = await state();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const same = pulled > 0 && pulled === last;
      last = pulled;
      return same ? pulled : null;
    }, "the stream to wait");
    expect(rest).toBeLessThan(300);
    let size = 0;
    for await (const chunk of response) size += (chunk as Buffer).length;
    expect(size).toBe(300 * 64 * 1024);
  });

  test("goes on while the deployment takes up a new environment", async () => {
    const slow = request(`${deployment.siteUrl}/large?chunks=300`, { agent: false });
    slow.end();
    const response = await answerOf(slow);
    expect((await deployment.setEnv("COLOUR", "blue")).status).toBe(200);
    expect(await state()).toEqual({ cancelled: 0, pulled: 0, aborted: 0 });
    let size = 0;
    for await (const chunk of response) size += (chunk as Buffer).length;
    expect(size).toBe(300 * 64 * 1024);
  });

  test("may have 20 MiB and no more", async () => {
    const whole = await site("/large?chunks=320");
    expect((await whole.arrayBuffer()).byteLength).toBe(20 * MiB);
    const larger = await site("/large?chunks=321");
    await expect(larger.arrayBuffer()).rejects.toThrow();
    await eventually(
      async () => (deployment.stderr.includes("response is too large (limit: 20971520 bytes)") ? true : null),
      "the log",
    );
  });

  test("of text, not bytes, is an error that says so", async () => {
    const response = await site("/text-chunks");
    expect(response.status).toBe(500);
    expect(((await response.json()) as { message: string }).message).toContain("TextEncoder");
  });

  test("that is there at once has a length", async () => {
    const some = await site("/state");
    expect(some.headers.get("content-length")).toBe(String((await some.arrayBuffer()).byteLength));
    const none = await tick("nobody");
    expect(none.status).toBe(204);
    expect(none.headers.get("content-length")).toBeNull();
  });

  test("many at a time", async () => {
    const streams = await Promise.all(Array.from({ length: 50 }, async () => reading(await site("/events"))));
    await Promise.all(streams.map(async (next) => expect(await next()).toBe("data: first\n\n")));
    await tick("all");
    await Promise.all(streams.map(async (next) => expect(await next()).toBe("data: all\n\n")));
    await tick("end");
    await Promise.all(streams.map(async (next) => expect(await next()).toBeNull()));
  });
});

describe("a request's body", () => {
  test("reaches the function while it is still being sent", async () => {
    const sent = request(`${deployment.siteUrl}/echo`, { method: "POST", agent: false });
    sent.write("one");
    const response = await answerOf(sent);
    const [first] = (await within(once(response, "data"), "the first part")) as [Buffer];
    expect(String(first)).toBe("one");
    const second = once(response, "data");
    sent.write("two");
    expect(String(((await within(second, "the second part")) as [Buffer])[0])).toBe("two");
    sent.end();
    await within(once(response, "end"), "the end");
  });

  test("may have 20 MiB and no more, with and without a length", async () => {
    const body = new Uint8Array(20 * MiB);
    const whole = await site("/measure", { method: "POST", body });
    expect(await whole.json()).toEqual({ bytes: 20 * MiB });
    const larger = await site("/measure", { method: "POST", body: new Uint8Array(20 * MiB + 1) });
    expect(larger.status).toBe(413);
    expect(((await larger.json()) as { code: string }).code).toBe("BodyTooLarge");
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(body);
        controller.enqueue(body);
        controller.close();
      },
    });
    const unknown = await site("/measure", { method: "POST", body: chunked, duplex: "half" } as RequestInit);
    expect(unknown.status).toBe(413);
    expect(((await unknown.json()) as { code: string }).code).toBe("BodyTooLarge");
  });

  test("that nobody reads doesn't keep the answer back", async () => {
    const response = await site("/ignore", { method: "POST", body: new Uint8Array(5 * MiB) });
    expect(await response.text()).toBe("not read");
    // Nor does it block its connection, on which the next request may come.
    for (let i = 0; i < 5; i++) expect(await state()).toHaveProperty("pulled");
  });

  test("that ends half-way fails the function, and others are served", async () => {
    const { hostname, port } = new URL(deployment.siteUrl);
    const socket = connect(Number(port), hostname);
    await within(once(socket, "connect"), "the connection");
    socket.write("POST /measure HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nhalf");
    socket.end();
    await within(once(socket.resume(), "close"), "the end of the connection");
    await eventually(
      async () => (deployment.stderr.includes("The request body did not arrive") ? true : null),
      "the log",
    );
    expect(await state()).toHaveProperty("pulled");
  });
});

describe("routes", () => {
  test("by prefix, HEAD as GET without the body, OPTIONS as the app says", async () => {
    const got = await site("/cors/a/b%20c");
    expect(await got.text()).toBe("/cors/a/b%20c");
    expect(got.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    const head = await site("/cors/a", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const options = await site("/cors/x", { method: "OPTIONS", headers: { origin: "https://two.example" } });
    expect(options.status).toBe(204);
    expect(options.headers.get("access-control-allow-origin")).toBe("https://one.example");
    const none = await site("/nowhere", { method: "OPTIONS" });
    expect(none.status).toBe(404);
    expect(await none.text()).toBe("No matching routes found for OPTIONS /nowhere.");
    expect(none.headers.get("access-control-allow-origin")).toBeNull();
  });
});
