import { httpRouter } from "convex/server";
import { api } from "./_generated/api";
import { httpAction } from "./_generated/server";

const http = httpRouter();

http.route({
  path: "/messages",
  method: "POST",
  handler: httpAction(async (ctx, request) => {
    const body = (await request.json()) as { channel: string; body: string };
    const id = await ctx.runMutation(api.messages.send, { ...body, seq: 1 });
    const identity = await ctx.auth.getUserIdentity();
    return Response.json(
      { id, subject: identity?.subject ?? null },
      { status: 201, headers: { "x-test": "yes" } },
    );
  }),
});

http.route({
  pathPrefix: "/files/",
  method: "GET",
  handler: httpAction(async (_ctx, request) => {
    const { pathname, search } = new URL(request.url);
    return new Response(`${pathname}${search}`);
  }),
});

export default http;
