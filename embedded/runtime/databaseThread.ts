/**
 * The thread that owns the database file and runs queries and mutations, one after the other.
 */
import type { MessagePort } from "node:worker_threads";
import { EMPTY_APP } from "../app.ts";
import { DeveloperError, StorageError } from "../engine/errors.ts";
import { Ended, Executor } from "../engine/executor.ts";
import {
  addressOf,
  cancelJob,
  dueJobs,
  finishJob,
  type JobDocument,
  jobsIn,
  readJob,
  scheduleJob,
} from "../engine/jobs.ts";
import { readApp, saveApp } from "../engine/savedApp.ts";
import { applySchema, checkPortion, parseSchemas } from "../engine/schema.ts";
import { searchVectors } from "../engine/search/vectorSearch.ts";
import { jwks } from "../engine/signJwt.ts";
import { Store } from "../engine/store.ts";
import { Transaction } from "../engine/transaction.ts";
import { SCHEDULED_RESULT_RETENTION_MS } from "../limits.ts";
import { componentKey, originOf } from "../names.ts";
import { FileFolder, fileFolderOf } from "../storage/fileFolder.ts";
import { FileRecords } from "../storage/fileRecords.ts";
import { storageOperations } from "../storage/storageOperations.ts";
import { applyImport, ImportError } from "../transfer/applyImport.ts";
import { failUnfinished, setTransfer } from "../transfer/state.ts";
import { allComponents } from "./components.ts";
import { currentRun, installConsole, installConvexGlobal } from "./context.ts";
import { hideEnvironment } from "./environment.ts";
import { freezeGlobals } from "./freeze.ts";
import { loadApp } from "./loader.ts";
import type { Commit, DatabaseApi, DatabaseOp, DatabaseRequest, EnvChange, Job, Load } from "./messages.ts";
import type { Pulse } from "./pulse.ts";

/** Jobs handed to the scheduler at a time. */
const DUE_PORTION = 64;
/** Old results looked at when the deployment starts; fewer than the limit of writes in one transaction. */
const FORGOTTEN_AT_ONCE = 5_000;

export async function start(port: MessagePort, pulse: Pulse, load: Load): Promise<void> {
  const store = new Store(load.databaseFile);
  const env: Record<string, string> = { ...load.env };
  for (const row of store.all("SELECT name, value FROM env")) env[String(row.name)] = String(row.value);
  for (const { name, value } of load.envChanges ?? []) {
    if (value === null) delete env[name];
    else env[name] = value;
  }
  installConvexGlobal();
  installConsole();
  // A promise that a function forgot to await must not end the thread.
  process.on("unhandledRejection", (reason) => {
    currentRun.getStore()?.log.write("ERROR", ["Unhandled rejection:", reason]);
  });
  process.setSourceMapsEnabled(true);
  freezeGlobals(env);
  const app = load.app ?? readApp(store) ?? EMPTY_APP;
  const loaded = await loadApp(app, env, false);
  hideEnvironment(loaded.analysis.tree);
  const schema = parseSchemas(loaded.analysis.schemas);
  store.transact(() => {
    for (const { path } of allComponents(loaded.analysis.tree)) store.ensureSystemTables(path);
    applySchema(store, schema);
    if (load.app) saveApp(store, load.app);
    saveEnvironment(store, load.envChanges ?? []);
  });
  forgetOldJobs(store);
  const folder = new FileFolder(fileFolderOf(load.databaseFile));
  const files = new FileRecords(store, folder, String(load.env.CONVEX_CLOUD_URL));
  const executor = new Executor(store, schema, loaded, pulse, files);
  executor.addSpecs(load.nodeFunctions);
  const api = operations(store, executor);
  const queue: DatabaseRequest[] = [];
  let busy = false;
  const pump = async () => {
    if (busy) return;
    busy = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      try {
        const operation = api[next.op] as (request: unknown, id: number) => unknown;
        const reply = await operation(next.request, next.id);
        port.postMessage({ id: next.id, reply });
      } catch (error) {
        if (error instanceof Ended) return;
        const told =
          error instanceof StorageError || error instanceof DeveloperError || error instanceof ImportError;
        const unavailable = error instanceof StorageError;
        const text = told
          ? error.message
          : error instanceof Error
            ? (error.stack ?? error.message)
            : String(error);
        port.postMessage({ id: next.id, error: text, unavailable });
      }
    }
    busy = false;
  };
  port.on("message", (request: DatabaseRequest) => {
    queue.push(request);
    void pump();
  });
  port.postMessage({
    ready: {
      analysis: loaded.analysis,
      lastTs: store.lastTs,
      env,
      crons: readCrons(store),
      app: load.app ? null : app,
    },
  });
}

function saveEnvironment(store: Store, changes: EnvChange[]): void {
  for (const { name, value } of changes) {
    if (value === null) store.run("DELETE FROM env WHERE name = ?", name);
    else {
      store.run(
        "INSERT INTO env (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value,
      );
    }
  }
}

type Operations = {
  [Op in DatabaseOp]: (
    request: DatabaseApi[Op]["request"],
    id: number,
  ) => DatabaseApi[Op]["reply"] | Promise<DatabaseApi[Op]["reply"]>;
};

function operations(store: Store, executor: Executor): Operations {
  /** A transaction of the deployment itself. */
  const write = <T>(work: (transaction: Transaction) => T): { result: T; commit: Commit } => {
    store.begin();
    const transaction = executor.transaction();
    try {
      const result = work(transaction);
      const ts = store.nextTs();
      store.commit(ts);
      return { result, commit: { ts, writes: transaction.writes } };
    } catch (error) {
      store.rollback();
      store.reload();
      throw error;
    }
  };
  const toJob = (job: JobDocument): Job => {
    const address = addressOf(store, job);
    return { id: job._id, ...address, args: job.args[0], kind: executor.spec(address)?.kind ?? null };
  };
  return {
    async queries({ calls }, id) {
      const runs = [];
      for (const [part, call] of calls.entries()) runs.push(await executor.query(id, part, call));
      return { runs };
    },
    mutation: (call, id) => executor.mutation(id, call),
    validate: ({ component, path, which, value }) => ({
      problem: executor.problem({ component, path }, which, value),
    }),
    addSpecs({ specs }) {
      executor.addSpecs(specs);
      return {};
    },
    schedule({ component, path, args, atMs }) {
      const { result, commit } = write((transaction) =>
        scheduleJob(transaction, { component, path }, args, atMs, Date.now()),
      );
      return { id: result, commit };
    },
    cancel: ({ id }) => ({ commit: write((transaction) => cancelJob(transaction, id, Date.now())).commit }),
    dueJobs({ nowMs }) {
      const { due, nextMs } = dueJobs(store, nowMs, DUE_PORTION);
      return { jobs: due.map(toJob), nextMs };
    },
    async runMutationJob({ id, requestId }, request) {
      const job = readJob(store, id);
      if (job?.state.kind !== "pending") return null;
      const address = addressOf(store, job);
      const origin = originOf({ requestId, scheduledFunctionId: id });
      const call = { ...address, args: job.args[0], identity: { kind: "none" as const }, requestId, origin };
      const run = await executor.mutation(request, call, (transaction) => {
        // The function may have cancelled itself.
        if (readJob(store, id)?.state.kind === "pending") finishJob(transaction, id, "success", Date.now());
      });
      if (run.outcome.ok) return { ...run, ...address };
      const { message } = run.outcome.error;
      const { commit } = write((transaction) => finishJob(transaction, id, "failed", Date.now(), message));
      return { ...run, commit, ...address };
    },
    startActionJob({ id }) {
      const job = readJob(store, id);
      if (job?.state.kind !== "pending") return { job: null, commit: null };
      const { commit } = write((transaction) => finishJob(transaction, id, "inProgress", Date.now()));
      return { job: toJob(job), commit };
    },
    finishActionJob({ id, error }) {
      const kind = readJob(store, id)?.state.kind;
      if (kind !== "inProgress" && kind !== "pending") return { commit: null };
      const state = error === null ? "success" : "failed";
      return { commit: write((t) => finishJob(t, id, state, Date.now(), error ?? undefined)).commit };
    },
    abandonActions() {
      store.transact(() => failUnfinished(store));
      const abandoned = jobsIn(store, "inProgress", 100_000);
      if (abandoned.length === 0) return { commit: null };
      const { commit } = write((transaction) => {
        for (const job of abandoned) {
          finishJob(
            transaction,
            job._id,
            "failed",
            Date.now(),
            "The deployment stopped while this action was running.",
          );
        }
      });
      return { commit };
    },
    setCrons({ crons }) {
      write(() => {
        store.run("DELETE FROM crons");
        for (const cron of crons) {
          store.run(
            "INSERT INTO crons (name, spec, next, job) VALUES (?, ?, ?, ?)",
            cron.name,
            cron.spec,
            cron.nextMs,
            cron.job,
          );
        }
      });
      return {};
    },
    fireCron({ name, component, path, args, nextMs }) {
      const row = store.one("SELECT job FROM crons WHERE name = ?", name);
      const last = row?.job ? readJob(store, String(row.job)) : null;
      const stillRunning = last?.state.kind === "pending" || last?.state.kind === "inProgress";
      const { commit } = write((transaction) => {
        const job = stillRunning
          ? (last?._id ?? null)
          : scheduleJob(transaction, { component, path }, args, Date.now(), Date.now());
        store.run("UPDATE crons SET next = ?, job = ? WHERE name = ?", nextMs, job, name);
      });
      return { commit };
    },
    checkSchema: ({ schemas, table, after }) => checkPortion(store, parseSchemas(schemas), table, after),
    vectorSearch({ component, query }) {
      const [table = "", index = ""] = query.indexName.split(".");
      const indexName = `${componentKey(component, table)}.${index}`;
      return { results: searchVectors(store, { ...query, indexName }) };
    },
    setTransfer({ kind, id, state }) {
      return { commit: write((transaction) => setTransfer(store, transaction, kind, id, state)).commit };
    },
    applyImport({ parsed, mode }) {
      const { result, commit } = write((transaction) =>
        applyImport(store, transaction, executor.files, parsed, mode),
      );
      return { written: result, commit };
    },
    jwks: () => jwks(store),
    tableSizes: () => ({ sizes: store.sizes() }),
    ...storageOperations(executor.files, write, () => executor.transaction()),
    stop() {
      store.db.close();
      return {};
    },
  };
}

function readCrons(store: Store): { name: string; spec: string; nextMs: number; job: string | null }[] {
  return store.all("SELECT name, spec, next, job FROM crons").map((row) => ({
    name: String(row.name),
    spec: String(row.spec),
    nextMs: Number(row.next),
    job: row.job === null ? null : String(row.job),
  }));
}

function forgetOldJobs(store: Store): void {
  const before = Date.now() - SCHEDULED_RESULT_RETENTION_MS;
  const transaction = new Transaction(store, null, Date.now());
  try {
    store.transact(() => {
      for (const state of ["success", "failed", "canceled"] as const) {
        for (const job of jobsIn(store, state, FORGOTTEN_AT_ONCE)) {
          const table = store.tableOfId(job._id);
          if (table !== null && (job.completedTime ?? 0) < before) transaction.remove(table, job._id);
        }
      }
    });
  } catch (error) {
    // On a full disk they stay until the next start.
    if (!(error instanceof StorageError)) throw error;
  }
}
