/**
 * Turns a folder of Convex functions into an app, by the same rules as the official command line: one entry
 * point per file; `_generated`, dotfiles, names with more than one dot and `schema` are no entry points of functions;
 * files that begin with "use node" are bundled for Node.js.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join, relative, resolve, sep } from "node:path";
import { type BuildOptions, build, type Message, stop } from "esbuild";
import type { App, Definition, Module } from "./app.ts";
import { configOf, findComponents } from "./bundleComponents.ts";

const EXTENSIONS = new Set([".js", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".jsx"]);
/** Read by the deployment itself, not searched for functions. */
const SETTINGS = ["schema", "auth.config"];

export class BundleError extends Error {
  override name = "BundleError";
}

function entryPoints(root: string, folder = root): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const skipped = entry.name === "_generated" || entry.name === "node_modules";
      if (!skipped && configOf(path) === null) found.push(...entryPoints(root, path));
      continue;
    }
    const name = entry.name;
    if (!EXTENSIONS.has(extname(name)) || /^[.#]/.test(name) || name.includes(" ")) continue;
    const stem = name.slice(0, -extname(name).length);
    const special = folder === root && SETTINGS.includes(stem);
    if (!special && stem.includes(".")) continue;
    if (/\.tsx?$/.test(name) && !/^\s{0,100}(import|export)/m.test(readFileSync(path, "utf8"))) continue;
    found.push(path);
  }
  return found;
}

function usesNode(path: string): boolean {
  return /^\s*(?:\/\/[^\n]*\n\s*|\/\*[\s\S]*?\*\/\s*)*["']use node["']/.test(readFileSync(path, "utf8"));
}

const OPTIONS = {
  format: "esm",
  target: "esnext",
  jsx: "automatic",
  platform: "browser",
  conditions: ["convex", "module"],
  keepNames: true,
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "silent",
} satisfies BuildOptions;

async function bundle(folder: string, entries: string[], environment: "isolate" | "node"): Promise<Module[]> {
  if (entries.length === 0) return [];
  const root = dirname(folder);
  const out = join(root, "out");
  const result = await build({
    ...OPTIONS,
    absWorkingDir: root,
    entryPoints: entries,
    outdir: out,
    outbase: folder,
    write: false,
    bundle: true,
    splitting: true,
    platform: environment === "node" ? "node" : "browser",
    chunkNames: environment === "node" ? "_deps/node/[hash]" : "_deps/[hash]",
    sourcemap: true,
    sourcesContent: false,
    treeShaking: true,
  });
  const texts = new Map(
    result.outputFiles.map((file) => [relative(out, file.path).split(sep).join("/"), file.text]),
  );
  return [...texts]
    .filter(([path]) => !path.endsWith(".map"))
    .map(([path, source]) => {
      const sourceMap = texts.get(`${path}.map`);
      return sourceMap === undefined
        ? { path, source, environment }
        : { path, source, sourceMap, environment };
    });
}

function describe(error: { errors?: Message[]; message: string }): string {
  const lines = (error.errors ?? []).map((message) => {
    const at = message.location ? `${message.location.file}:${message.location.line}: ` : "";
    return `${at}${message.text}`;
  });
  return lines.length > 0 ? lines.join("\n") : error.message;
}

/** Throws BundleError with file and line when the folder doesn't exist or its code doesn't compile. */
export async function bundleFolder(path: string): Promise<App> {
  const folder = resolve(path);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new BundleError(`functions folder ${folder} does not exist; name it with --functions DIR`);
  }
  try {
    const [root, components] = await Promise.all([
      bundleDefinition(folder),
      findComponents(folder, { ...OPTIONS, absWorkingDir: dirname(folder) }),
    ]);
    const own = components.find((component) => component.path === "");
    const others = components.filter((component) => component.path !== "");
    const definitions = others.map(async ({ path, folder: its, config, dependencies }) => {
      const definition = await bundleDefinition(its);
      return { ...definition, path, config, dependencies };
    });
    const config = own?.config ?? null;
    const dependencies = own?.dependencies ?? [];
    return [{ ...root, config, dependencies }, ...(await Promise.all(definitions))];
  } catch (error) {
    if (!(error as { errors?: Message[] }).errors) throw error;
    throw new BundleError(describe(error as { errors: Message[]; message: string }));
  } finally {
    // The bundler's own process is not needed any more.
    await stop();
  }
}

async function bundleDefinition(folder: string): Promise<Definition> {
  const entries = entryPoints(folder);
  const node = entries.filter(usesNode);
  const isolate = entries.filter((entry) => !node.includes(entry));
  const bundles = [bundle(folder, isolate, "isolate"), bundle(folder, node, "node")];
  const modules = (await Promise.all(bundles)).flat();
  const named = (name: string) => modules.find((module) => module.path === name) ?? null;
  const [schema, auth] = [named("schema.js"), named("auth.config.js")];
  const functions = modules.filter((module) => module !== schema && module !== auth);
  return { path: "", config: null, dependencies: [], schema, auth, modules: functions };
}
