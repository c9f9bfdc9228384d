/**
 * Loads an app that is being pushed, to learn what it holds, without touching what runs: functions, schema, cron jobs,
 * routes, authentication. The thread ends after its one answer.
 *
 * The modules of the default runtime are loaded with the globals that queries and mutations see, those of "use node"
 * in a second thread with Node's own.
 */
import type { MessagePort } from "node:worker_threads";
import { EMPTY_APP } from "../app.ts";
import { isObject, type JsonObject } from "../values/json.ts";
import { installConsole, installConvexGlobal } from "./context.ts";
import { freezeGlobals } from "./freeze.ts";
import { LoadError } from "./loadError.ts";
import { loadApp } from "./loader.ts";
import type { Analysis, Load } from "./messages.ts";
import type { Pulse } from "./pulse.ts";

/** Whether each authentication provider has the values it needs; a variable with a default may be unset. */
function complete(auth: Analysis["auth"]): boolean {
  const providers = isObject(auth) ? (auth as JsonObject).providers : null;
  return (Array.isArray(providers) ? providers : []).every((provider) => {
    const settings = isObject(provider) ? (provider as JsonObject) : {};
    const needed = settings.type === "customJwt" ? ["issuer", "jwks"] : ["domain", "applicationID"];
    return needed.every((name) => typeof settings[name] === "string");
  });
}

export async function start(port: MessagePort, _pulse: Pulse, load: Load): Promise<void> {
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
  const { analysis } = await loadApp(load.app ?? EMPTY_APP, load.env, load.node === true, (path) => {
    loading = path;
  });
  const [name] = missing;
  if (name !== undefined && !complete(analysis.auth)) {
    throw new LoadError(`Environment variable ${name} is used in auth config file but its value was not set`);
  }
  port.postMessage({ analysis });
}
