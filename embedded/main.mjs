/**
 * Starts an embedded Convex deployment: `node embedded/main.mjs --help`.
 *
 * Compiled code is kept in Node's cache, which halves the time of the next start; the cache has to be switched on
 * before the rest is loaded. This file is JavaScript because Node translates TypeScript by a compiler that takes
 * 35 ms and 17 MB to load, except for what is in that cache.
 */
import { enableCompileCache, flushCompileCache } from "node:module";

enableCompileCache();
const { main } = await import("./commandLine.ts");
await main();
flushCompileCache();
