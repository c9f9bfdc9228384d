/** How the page talks to its deployment: an ordinary npm `convex` client with the admin key, and the HTTP API. */
import { ConvexReactClient } from "convex/react";
import { type FunctionReference, makeFunctionReference } from "convex/server";
import { createContext, useContext } from "react";

const KEY = "admin-key";

export type Connection = { client: ConvexReactClient; adminKey: string; component: string };

export const ConnectionContext = createContext<Connection | null>(null);

export function useConnection(): Connection {
  const connection = useContext(ConnectionContext);
  if (!connection) throw new Error("there is no connection");
  return connection;
}

/** The key lives as long as the tab, and never in the address. */
export function savedKey(): string | null {
  return sessionStorage.getItem(KEY);
}

export function saveKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, key);
}

export function connect(adminKey: string): ConvexReactClient {
  const client = new ConvexReactClient(location.origin, { unsavedChangesWarning: false });
  (client as unknown as { setAdminAuth(key: string): void }).setAdminAuth(adminKey);
  return client;
}

export const query = (name: string) =>
  makeFunctionReference<"query">(name) as FunctionReference<
    "query",
    "public",
    Record<string, unknown>,
    unknown
  >;
export const mutation = (name: string) =>
  makeFunctionReference<"mutation">(name) as FunctionReference<"mutation", "public", Record<string, unknown>>;

/** Throws with the deployment's own words. */
export async function post(adminKey: string, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Convex ${adminKey}` },
    body: JSON.stringify(body),
  });
  const answer = (await response.json().catch(() => null)) as { message?: string } | null;
  if (!response.ok) throw new Error(answer?.message ?? `The deployment answered ${response.status}.`);
  return answer;
}

/** Null if the key is the right one; otherwise what is wrong. */
export async function checkKey(adminKey: string): Promise<string | null> {
  const answer = await fetch("/api/v1/get_canonical_urls", {
    headers: { authorization: `Convex ${adminKey}` },
  }).catch(() => null);
  if (!answer) return "The deployment can't be reached. Is it running?";
  if (answer.ok) return null;
  return "This is not the admin key of this deployment. It lies in the file admin-key of its data folder.";
}
