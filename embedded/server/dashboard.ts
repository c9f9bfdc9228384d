/**
 * The page to look at a deployment, under `/_dashboard`. Its code is bundled when it is first asked for. It holds no
 * secret: what it shows it asks for with the admin key, which whoever opens it has to know.
 */
import type { ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { HttpError } from "./body.ts";

const SOURCE = fileURLToPath(new URL("../dashboard/", import.meta.url));
const PREFIX = "/_dashboard";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Convex deployment</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${PREFIX}/main.css">
</head>
<body><div id="root"></div><script type="module" src="${PREFIX}/main.js"></script></body>
</html>
`;
/** Nothing but the page's own code runs; it talks to this deployment only. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let bundled: Promise<Map<string, string>> | null = null;

async function bundle(): Promise<Map<string, string>> {
  const { build, stop } = await import("esbuild");
  const { outputFiles } = await build({
    absWorkingDir: SOURCE,
    entryPoints: ["main.tsx"],
    outdir: SOURCE,
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "silent",
  });
  await stop();
  return new Map(outputFiles.map((file) => [file.path.endsWith(".css") ? "main.css" : "main.js", file.text]));
}

export function isDashboardPath(pathname: string): boolean {
  return pathname === PREFIX || pathname.startsWith(`${PREFIX}/`);
}

export async function answerDashboard(pathname: string, response: ServerResponse): Promise<void> {
  const name = pathname.slice(PREFIX.length + 1);
  const headers = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
  };
  if (name === "") {
    response.writeHead(200, { ...headers, "content-type": "text/html; charset=utf-8" }).end(PAGE);
    return;
  }
  bundled ??= bundle().catch((error: Error) => {
    bundled = null;
    throw new HttpError(500, "DashboardNotBuilt", `The page can't be put together: ${error.message}`);
  });
  const text = (await bundled).get(name);
  if (text === undefined) throw new HttpError(404, "NotFound", `There is no ${pathname} here.`);
  const type = name.endsWith(".css") ? "text/css" : "text/javascript";
  response.writeHead(200, { ...headers, "content-type": `${type}; charset=utf-8` }).end(text);
}
