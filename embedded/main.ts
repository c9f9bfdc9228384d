/**
 * Starts an embedded Convex deployment: `node embedded/main.ts --help`.
 *
 * Compiled code is kept in Node's cache, which halves the time of the next start; the cache has to be switched on
 * before the rest is loaded.
 */
import { enableCompileCache, flushCompileCache } from "node:module";

enableCompileCache();
const { main } = await import("./commandLine.ts");
await main();
flushCompileCache();
