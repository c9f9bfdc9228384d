/**
 * Loads an app that is being pushed, to learn what it holds, without touching what runs: functions, schema, cron jobs,
 * routes, authentication. The thread ends after its one answer.
 *
 * The modules of the default runtime are loaded with the globals that queries and mutations see, those of "use node"
 * in a second thread with Node's own.
 */
import type { MessagePort } from "node:worker_threads";
import { EMPTY_APP } from "../app.ts";
import { installConsole, installConvexGlobal } from "./context.ts";
import { freezeGlobals } from "./freeze.ts";
import { LoadError, loadModules } from "./loader.ts";
import type { Load } from "./messages.ts";
import type { Pulse } from "./pulse.ts";

export async function start(port: MessagePort, _pulse: Pulse, load: Load): Promise<void> {
  const [definition] = load.app ?? EMPTY_APP;
  installConvexGlobal();
  installConsole();
  const missing = new Set<string>();
  let loading = "";
  const env = new Proxy(
    { ...load.env },
    {
      get: (target, name: string) => {
        if (loading === "auth.config.js" && target[name] === undefined) missing.add(name);
        return target[name];
      },
    },
  );
  if (!load.node) freezeGlobals(env);
  const { analysis } = await loadModules(definition, load.node === true, (path) => {
    loading = path;
  });
  const [name] = missing;
  if (name !== undefined) {
    throw new LoadError(`Environment variable ${name} is used in auth config file but its value was not set`);
  }
  port.postMessage({ analysis });
}
