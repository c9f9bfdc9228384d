/**
 * Finds the components that an app uses by bundling its `convex.config`, and theirs, in turn. An import of another
 * component's config stays an import, `./_componentDeps/<base64url of its path>`, as the official command line writes
 * it; a definition's path leads from the app's folder to the component's.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import type { Module } from "./app.ts";

export type FoundComponent = { path: string; folder: string; config: Module; dependencies: string[] };

const CONFIG = /convex\.config(\.[cm]?[jt]s)?$/;

/** The config file of a folder; null if it is no component. */
export function configOf(folder: string): string | null {
  const files = ["convex.config.ts", "convex.config.js"].map((name) => join(folder, name));
  return files.find((file) => existsSync(file)) ?? null;
}

/** The app's own config comes first; empty when it has none. Throws esbuild's error when one doesn't compile. */
export async function findComponents(appFolder: string, options: BuildOptions): Promise<FoundComponent[]> {
  const first = configOf(appFolder);
  if (first === null) return [];
  const found = new Map<string, FoundComponent>();
  const waiting = [first];
  for (let config = waiting.shift(); config; config = waiting.shift()) {
    const folder = dirname(config);
    const path = relative(appFolder, folder).split(sep).join("/");
    if (found.has(path)) continue;
    const dependencies: string[] = [];
    const imported = (file: string) => {
      const dependency = relative(appFolder, dirname(file)).split(sep).join("/");
      if (!dependencies.includes(dependency)) dependencies.push(dependency);
      waiting.push(file);
      return dependency;
    };
    const { outputFiles } = await build({
      ...options,
      entryPoints: [config],
      outdir: folder,
      outbase: folder,
      write: false,
      bundle: true,
      splitting: false,
      sourcemap: false,
      plugins: [componentImports(config, imported)],
    });
    const source = outputFiles?.[0]?.text ?? "";
    const module: Module = { path: "convex.config.js", source, environment: "isolate" };
    found.set(path, { path, folder, config: module, dependencies });
  }
  return [...found.values()];
}

function componentImports(entry: string, imported: (file: string) => string): Plugin {
  return {
    name: "component-imports",
    setup(bundler) {
      bundler.onResolve({ filter: /convex\.config/ }, async (args) => {
        if (args.kind === "entry-point" || args.pluginData === entry) return undefined;
        const ending = /\.js$/.test(args.path) ? [args.path, args.path.replace(/\.js$/, ".ts")] : [args.path];
        for (const path of [...ending, `${args.path}.ts`, `${args.path}.js`]) {
          const { resolveDir, kind } = args;
          const { path: file, errors } = await bundler.resolve(path, { resolveDir, kind, pluginData: entry });
          if (errors.length > 0 || !CONFIG.test(basename(file))) continue;
          const name = Buffer.from(imported(file)).toString("base64url");
          return { path: `./_componentDeps/${name}`, external: true };
        }
        return undefined;
      });
    },
  };
}
