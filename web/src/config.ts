/** What the page must know of its surroundings: `config.json`, beside `index.html`, made by whoever serves it. */
import { createContext, useContext } from "react";

export type Config = {
  deploymentUrl: string;
  /** Where the worker serves browsers; empty: where this page came from. */
  workerUrl: string;
  /** What a call is made with: the telephone network, a stand-in for it, or this page itself. */
  line: "telephone" | "rehearsal" | "browser";
  /** The vendors that are played by stand-ins. */
  rehearsed: string[];
  /** Whether spoken requests can be recognised. */
  recogniser: boolean;
};

/** A file of a few hundred bytes; whoever can't bring it in this time can't be used. */
const LOAD_MS = 10_000;

/** Raises an `Error` whose message can be shown. */
export async function loadConfig(): Promise<Config> {
  let reply: Response;
  try {
    reply = await fetch("/config.json", { signal: AbortSignal.timeout(LOAD_MS) });
  } catch {
    throw new Error("Floyd can't be reached. Check the connection, and that Floyd is running.");
  }
  if (!reply.ok) throw new Error(`Floyd's settings could not be loaded (${reply.status}).`);
  return checkedConfig(await reply.json().catch(() => null));
}

export function checkedConfig(found: unknown): Config {
  if (typeof found !== "object" || found === null) throw wrong("it is not an object");
  const {
    deploymentUrl,
    workerUrl = "",
    line = "telephone",
    rehearsed = [],
    recogniser = false,
  } = found as {
    [K in keyof Config]?: unknown;
  };
  if (typeof deploymentUrl !== "string" || !isHttp(deploymentUrl))
    throw wrong("`deploymentUrl` must be an address that begins with http:// or https://");
  if (typeof workerUrl !== "string" || (workerUrl !== "" && !isHttp(workerUrl)))
    throw wrong("`workerUrl` must be empty, or an address that begins with http:// or https://");
  if (line !== "telephone" && line !== "rehearsal" && line !== "browser")
    throw wrong('`line` must be "telephone", "rehearsal" or "browser"');
  if (!Array.isArray(rehearsed) || !rehearsed.every((name) => typeof name === "string"))
    throw wrong("`rehearsed` must be a list of names");
  if (typeof recogniser !== "boolean") throw wrong("`recogniser` must be true or false");
  return { deploymentUrl, workerUrl: workerUrl.replace(/\/$/, ""), line, rehearsed, recogniser };
}

function isHttp(address: string): boolean {
  return /^https?:$/.test(URL.parse(address)?.protocol ?? "");
}

function wrong(why: string): Error {
  return new Error(`config.json is wrong: ${why}.`);
}

export const ConfigContext = createContext<Config | null>(null);

export function useConfig(): Config {
  const config = useContext(ConfigContext);
  if (config === null) throw new Error("useConfig is used outside of ConfigContext");
  return config;
}
