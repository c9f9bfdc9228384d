import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // What passing tests print is the functions' own log; a failing test shows its own.
    silent: "passed-only",
    include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"],
    // Tests start real servers; a busy machine takes many times as long as an idle one.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each file of tests/embedded runs servers of its own beside itself; more at a time only wait for each other.
    maxWorkers: 2,
    server: { deps: { inline: ["convex-test"] } },
  },
});
