import aggregate from "@convex-dev/aggregate/convex.config";
import rateLimiter from "@convex-dev/rate-limiter/convex.config";
import workpool from "@convex-dev/workpool/convex.config";
import { defineApp } from "convex/server";
import local from "./local/convex.config";

const app = defineApp();
app.use(rateLimiter);
app.use(workpool, { name: "pool" });
app.use(aggregate);
app.use(aggregate, { name: "second" });
app.use(local, { env: { GREETING: "hello" }, httpPrefix: "/local/" });
export default app;
