import { httpActionGeneric, httpRouter } from "convex/server";

const http = httpRouter();
const encode = (text: string) => new TextEncoder().encode(text);

/** What the streams of this thread have come to; a test asks for it. */
const state = { cancelled: 0, pulled: 0, aborted: 0 };

/** Server-sent events: one at once, the others when a request to /tick comes. */
const ticks = new Set<ReadableStreamDefaultController<Uint8Array>>();

http.route({
  path: "/events",
  method: "GET",
  handler: httpActionGeneric(async (_ctx, request) => {
    request.signal.addEventListener("abort", () => {
      state.aborted += 1;
    });
    let mine: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        mine = controller;
        ticks.add(controller);
        controller.enqueue(encode("data: first\n\n"));
      },
      cancel() {
        state.cancelled += 1;
        ticks.delete(mine);
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }),
});

http.route({
  path: "/tick",
  method: "POST",
  handler: httpActionGeneric(async (_ctx, request) => {
    const text = await request.text();
    for (const controller of ticks) {
      if (text === "end") controller.close();
      else if (text === "fail") controller.error(new Error("The stream broke."));
      else controller.enqueue(encode(`data: ${text}\n\n`));
      if (text === "end" || text === "fail") ticks.delete(controller);
    }
    return new Response(null, { status: 204 });
  }),
});

http.route({
  path: "/state",
  method: "GET",
  handler: httpActionGeneric(async () => Response.json(state)),
});

/** A body made as it is pulled: `chunks` times 64 KiB. */
http.route({
  path: "/large",
  method: "GET",
  handler: httpActionGeneric(async (_ctx, request) => {
    const chunks = Number(new URL(request.url).searchParams.get("chunks"));
    state.pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        // Each chunk comes in a turn of its own, as from a network.
        await new Promise((resolve) => setTimeout(resolve, 0));
        state.pulled += 1;
        controller.enqueue(new Uint8Array(64 * 1024).fill(state.pulled % 256));
        if (state.pulled === chunks) controller.close();
      },
      cancel() {
        state.cancelled += 1;
      },
    });
    return new Response(body);
  }),
});

/** Answers with each chunk of the request as it comes. */
http.route({
  path: "/echo",
  method: "POST",
  handler: httpActionGeneric(async (_ctx, request) => new Response(request.body)),
});

http.route({
  path: "/measure",
  method: "POST",
  handler: httpActionGeneric(async (_ctx, request) => {
    let bytes = 0;
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) bytes += chunk.length;
    return Response.json({ bytes });
  }),
});

http.route({
  path: "/ignore",
  method: "POST",
  handler: httpActionGeneric(async () => new Response("not read")),
});

http.route({
  path: "/text-chunks",
  method: "GET",
  handler: httpActionGeneric(async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue("text");
        controller.close();
      },
    });
    return new Response(body);
  }),
});

http.route({
  pathPrefix: "/cors/",
  method: "OPTIONS",
  handler: httpActionGeneric(
    async () =>
      new Response(null, { status: 204, headers: { "access-control-allow-origin": "https://one.example" } }),
  ),
});

http.route({
  pathPrefix: "/cors/",
  method: "GET",
  handler: httpActionGeneric(
    async (_ctx, request) =>
      new Response(new URL(request.url).pathname, {
        headers: [
          ["set-cookie", "a=1"],
          ["set-cookie", "b=2"],
        ],
      }),
  ),
});

/** A file of the storage, and a file into it, as in Convex's own examples. */
http.route({
  path: "/image",
  method: "GET",
  handler: httpActionGeneric(async (ctx, request) => {
    const id = new URL(request.url).searchParams.get("id") as never;
    const blob = await ctx.storage.get(id);
    return blob === null ? new Response("Image not found", { status: 404 }) : new Response(blob);
  }),
});

http.route({
  path: "/image",
  method: "POST",
  handler: httpActionGeneric(async (ctx, request) => {
    const storageId = await ctx.storage.store(await request.blob());
    return Response.json({ storageId });
  }),
});

export default http;
