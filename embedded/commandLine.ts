/**
 * The command line of the embedded deployment.
 *
 *   node embedded/main.mjs [--port N] [--site-port N] [--data DIR] [--functions DIR] [--host H] [--json]
 *
 * With --json, one line `{"url", "siteUrl", "adminKey"}` on stdout says that it is ready; logs go to stderr.
 */
import { parseArgs } from "node:util";
import type { App } from "./app.ts";
import type { Deployment } from "./deployment.ts";
import { DatabaseHost } from "./host/database.ts";

const USAGE = `usage: node embedded/main.mjs [options]

  --port N          port of the API and of live queries (default 3210; 0 chooses a free one)
  --site-port N     port of HTTP actions (default 3211; 0 chooses a free one)
  --data DIR        where the state lives (default ./convex-data)
  --functions DIR   a folder of Convex functions to run; without it, what \`npx convex dev\` or \`deploy\` pushed
  --host H          address to listen on (default 127.0.0.1)
  --json            print one JSON line {"url", "siteUrl", "adminKey"} when ready
`;
/** Stopping takes no longer than this, whatever still runs. */
const STOP_DEADLINE_MS = 2_000;

class UsageError extends Error {}

function port(text: string, option: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) {
    throw new UsageError(`${option} must be a number from 0 to 65535, not "${text}"`);
  }
  return number;
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        port: { type: "string", default: "3210" },
        "site-port": { type: "string", default: "3211" },
        data: { type: "string", default: "./convex-data" },
        functions: { type: "string" },
        host: { type: "string", default: "127.0.0.1" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function run(): Promise<void> {
  // Whoever read the output may be gone; that is no reason to stop.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  // Functions see UTC everywhere, whatever this machine's time zone is.
  process.env.TZ = "UTC";
  const options = readOptions();
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  const print = (line: string) => void process.stderr.write(`${line}\n`);
  const [apiPort, sitePort] = [port(options.port, "--port"), port(options["site-port"], "--site-port")];
  // Three things take time, each on a processor of its own if there is one: the bundler is a process, the database
  // thread loads its code, and so does this one.
  const bundled = options.functions === undefined ? null : bundle(options.functions);
  const database = new DatabaseHost();
  const listening = Promise.all([import("./deployment.ts"), import("./server/server.ts")]).then(
    async ([{ Deployment: Starter }, { Ports, serve }]) => {
      return { Starter, serve, ports: await Ports.open(options.host, apiPort, sitePort) };
    },
  );
  const [app, { Starter, serve, ports }] = await Promise.all([bundled, listening]);
  let deployment: Deployment;
  try {
    const { url, siteUrl } = ports;
    const settings = { app, dataFolder: options.data, url, siteUrl, print };
    deployment = await Starter.start(settings, database);
  } catch (error) {
    ports.close();
    throw error;
  }
  const server = serve(deployment, ports);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(), STOP_DEADLINE_MS).unref();
    // What is running ends and is answered; then connections are closed.
    ports.stopListening();
    void deployment
      .stop()
      .then(() => server.close())
      .then(() => process.exit());
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  const { url, siteUrl } = ports;
  const ready = options.json
    ? JSON.stringify({ url, siteUrl, adminKey: deployment.adminKey })
    : `Convex deployment of ${options.functions ?? "what is pushed to it"} at ${url}, HTTP actions at ${siteUrl}, state in ${options.data}`;
  process.stdout.write(`${ready}\n`);
}

async function bundle(folder: string): Promise<App> {
  const { bundleFolder } = await import("./bundle.ts");
  return bundleFolder(folder);
}

export function main(): Promise<void> {
  return run().catch(fail);
}

function fail(error: Error): void {
  const expected =
    ["BundleError", "DataFolderError", "ListenError"].includes(error.name) || error instanceof UsageError;
  process.stderr.write(`error: ${expected ? error.message : (error.stack ?? error.message)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
