/** The main thread's side of the analysis of a pushed app. */
import type { App } from "../app.ts";
import { hasNodeModules } from "../app.ts";
import type { Analysis, FunctionSpec, Load } from "../runtime/messages.ts";
import { Pulse } from "../runtime/pulse.ts";
import { startThread } from "./thread.ts";

/** Importing all modules takes well under a second; this is for those that loop. */
const ANALYSIS_LIMIT_MS = 10_000;

/** The app can't be loaded; the text is for whoever pushed it. */
export class AnalysisError extends Error {
  override name = "AnalysisError";
}

/** What the app holds, by loading all its modules in threads of their own. Throws AnalysisError. */
export async function analyse(app: App, env: Record<string, string>): Promise<Analysis> {
  const load = { app, env, databaseFile: "", nodeFunctions: [] };
  const [isolate, node] = await Promise.all([
    inThread({ ...load, node: false }),
    hasNodeModules(app) ? inThread({ ...load, node: true }) : null,
  ]);
  const inNode = (specs: FunctionSpec[] = []) => specs.filter((spec) => spec.environment === "node");
  return {
    ...isolate,
    functions: [...isolate.functions, ...inNode(node?.functions)],
    definitions: isolate.definitions.map((definition, i) => ({
      ...definition,
      functions: [...definition.functions, ...inNode(node?.definitions[i]?.functions)],
    })),
  };
}

async function inThread(load: Load): Promise<Analysis> {
  const worker = startThread({ role: "analysis", pulse: new Pulse().buffer });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Analysis>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new AnalysisError(`Loading the modules took longer than ${ANALYSIS_LIMIT_MS / 1000}s.`)),
        ANALYSIS_LIMIT_MS,
      );
      worker.on("message", (message: { analysis: Analysis } | { failed: string }) => {
        if ("analysis" in message) resolve(message.analysis);
        else reject(new AnalysisError(message.failed));
      });
      worker.on("error", (error) => reject(new AnalysisError(error.message)));
      worker.on("exit", () => reject(new AnalysisError("The modules ended their thread while loading.")));
      worker.postMessage(load);
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
