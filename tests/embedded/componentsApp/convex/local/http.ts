import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";

const http = httpRouter();
http.route({
  path: "/hello",
  method: "GET",
  handler: httpAction(async () => new Response("from the component")),
});
export default http;
