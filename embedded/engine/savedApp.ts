/** The app that runs, kept with the data, so that what was pushed is there again after a restart. */
import { createHash } from "node:crypto";
import { deflateSync, inflateSync } from "node:zlib";
import type { App } from "../app.ts";
import type { Store } from "./store.ts";

export function readApp(store: Store): App | null {
  const row = store.one("SELECT json FROM app");
  return row ? (JSON.parse(inflateSync(row.json as Uint8Array).toString("utf8")) as App) : null;
}

/** Inside a transaction. Writes nothing when it is the same app. */
export function saveApp(store: Store, app: App): void {
  const json = JSON.stringify(app);
  const hash = createHash("sha256").update(json).digest("hex");
  if (store.one("SELECT hash FROM app")?.hash === hash) return;
  store.run(
    "INSERT INTO app (one, hash, json) VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET hash = excluded.hash, json = excluded.json",
    hash,
    deflateSync(json, { level: 1 }),
  );
}
