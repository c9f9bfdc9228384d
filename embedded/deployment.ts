/**
 * A running deployment: a module set with its state, its threads, its live queries and its scheduler. It knows
 * nothing of sockets; `server/` speaks the protocols.
 */
import { type App, EMPTY_APP } from "./app.ts";
import { Authenticator } from "./auth.ts";
import { type DataFolder, DataFolderError, openDataFolder } from "./dataFolder.ts";
import { StorageError } from "./engine/errors.ts";
import { ActionHost } from "./host/actions.ts";
import { DatabaseHost, type Ready } from "./host/database.ts";
import { LiveQueries } from "./live/liveQueries.ts";
import { type Execution, Logs } from "./logs.ts";
import {
  type Address,
  canonicalPath,
  componentKey,
  isFrontendPath,
  notFound,
  originOf,
  requestId,
  serverError,
  wrongKind,
} from "./names.ts";
import { Pushes } from "./push/pushes.ts";
import type {
  Analysis,
  Call,
  Commit,
  EnvChange,
  FunctionKind,
  FunctionSpec,
  HttpCall,
  HttpHead,
  Identity,
  MutationRun,
  Outcome,
} from "./runtime/messages.ts";
import { Scheduler } from "./scheduler.ts";
import { answerStorageAsk } from "./storage/answerActions.ts";
import { fileFolderOf } from "./storage/fileFolder.ts";
import { FileService } from "./storage/fileService.ts";
import { Transfers } from "./transfer/transfers.ts";
import type { JsonObject } from "./values/json.ts";

export type Settings = {
  /** Null for what was pushed before. */
  app: App | null;
  dataFolder: string;
  url: string;
  siteUrl: string;
  print: (line: string) => void;
};
/** `unavailable`: the deployment couldn't do its part; the same call may succeed later. */
export type Result = { outcome: Outcome; logLines: string[]; unavailable?: boolean };
export type MutationResult = Result & { ts: bigint | null };
type Caller = Execution["caller"];

/** The call, with the request's own id for the functions that ask for it; those it calls keep that of the first. */
function withId<T extends Call>(call: T, id: string): T {
  const origin = call.origin ?? originOf();
  return { ...call, origin: { ...origin, requestId: origin.requestId || id } };
}

const UDF_TYPES = { query: "Query", mutation: "Mutation", action: "Action" } as const;

export class Deployment {
  readonly auth: Authenticator;
  readonly logs: Logs;
  readonly live: LiveQueries;
  readonly files: FileService;
  readonly adminKey: string;
  private readonly folder: DataFolder;
  readonly database: DatabaseHost;
  private readonly actions: ActionHost;
  private readonly scheduler: Scheduler;
  private functions = new Map<string, FunctionSpec>();
  private nodeFunctions: FunctionSpec[] = [];
  /** What runs, and what it holds. */
  app: App = EMPTY_APP;
  analysis: Analysis;
  readonly pushes: Pushes;
  readonly transfers: Transfers;
  /** Told when functions may have come, gone or changed. */
  readonly onPush = new Set<() => void>();
  /** Changes of what runs happen one after the other. */
  private changing: Promise<unknown> = Promise.resolve();
  private environment: Record<string, string> = {};
  private readonly print: (line: string) => void;
  private storageFails = false;

  private constructor(
    folder: DataFolder,
    database: DatabaseHost,
    actions: ActionHost,
    auth: Authenticator,
    logs: Logs,
    ready: Ready,
    print: (line: string) => void,
  ) {
    this.print = print;
    this.folder = folder;
    this.adminKey = folder.adminKey;
    this.database = database;
    this.actions = actions;
    this.auth = auth;
    this.logs = logs;
    this.analysis = ready.analysis;
    this.pushes = new Pushes(this);
    this.transfers = new Transfers(this, folder.path, folder.databaseFile);
    this.files = new FileService(
      database,
      fileFolderOf(folder.databaseFile),
      (commit) => this.committed(commit),
      (error) => this.troubled(error),
    );
    this.live = new LiveQueries(database, ready.lastTs, (query, run) => {
      this.log("query", query, "SyncWorker", requestId(), { ...run });
    });
    this.scheduler = new Scheduler(database, {
      committed: (commit) => this.committed(commit),
      troubled: (error) => this.troubled(error),
      runAction: ({ component, path }, args, scheduledFunctionId) => {
        const origin = originOf({ scheduledFunctionId });
        return this.action({ component, path, args, identity: { kind: "none" }, origin }, "Scheduler");
      },
      ran: (run, id) => this.log("mutation", run, "Scheduler", id, run),
    });
    actions.services = {
      query: (call) => this.query(call, "Action"),
      mutation: (call) => this.mutation(call, "Action"),
      action: (call) => this.action(call, "Action"),
      schedule: (address, args, atMs) => this.schedule(address, args, atMs),
      vectorSearch: async (component, query) =>
        (await database.call("vectorSearch", { component, query })).results,
      cancel: async (id) => {
        const { commit } = await database.call("cancel", { id });
        this.committed(commit);
      },
      storage: (component, asked) => answerStorageAsk(this.files, component, asked),
    };
  }

  /** Throws when the data folder is in use, or when modules, schema or existing documents don't fit. */
  static async start(settings: Settings, database = new DatabaseHost()): Promise<Deployment> {
    const folder = openDataFolder(settings.dataFolder);
    const env = { CONVEX_CLOUD_URL: settings.url, CONVEX_SITE_URL: settings.siteUrl };
    const { app } = settings;
    const actions = new ActionHost();
    try {
      const ready = await database.start({
        app,
        databaseFile: folder.databaseFile,
        env,
        nodeFunctions: [],
      });
      const logs = new Logs(settings.print);
      const auth = new Authenticator(folder.adminKey, settings.print);
      const deployment = new Deployment(folder, database, actions, auth, logs, ready, settings.print);
      await deployment.files.start();
      deployment.app = app ?? EMPTY_APP;
      await deployment.adopt(ready);
      await deployment.scheduler.start(ready.analysis.crons, ready.crons);
      database.onLost = (error) => {
        settings.print(`[ERROR] the database thread can't be started again: ${error.message}`);
        process.exitCode = 1;
        process.kill(process.pid, "SIGTERM");
      };
      return deployment;
    } catch (error) {
      await database.stop();
      folder.release();
      if (!(error instanceof StorageError)) throw error;
      throw new DataFolderError(`data folder ${folder.path} can't be used. ${error.message}`);
    }
  }

  private async adopt(ready: Ready): Promise<void> {
    this.environment = ready.env;
    this.auth.configure(ready.analysis.auth);
    this.app = ready.app ?? this.app;
    this.analysis = ready.analysis;
    this.actions.configure(this.app, ready.env);
    if (this.actions.hasNodeModules && this.nodeFunctions.length === 0) {
      this.nodeFunctions = (await this.actions.analyse()).filter((spec) => spec.environment === "node");
      await this.database.know(this.nodeFunctions);
    }
    this.functions = new Map(
      [...ready.analysis.functions, ...this.nodeFunctions].map((spec) => [
        componentKey(spec.component, spec.path),
        spec,
      ]),
    );
  }

  find(path: string, component = ""): FunctionSpec | undefined {
    return this.functions.get(componentKey(component, canonicalPath(path)));
  }

  /** Why the caller may not run the function as the given kind; null if it may. */
  refusal(path: string, kind: FunctionKind, identity: Identity, component = ""): string | null {
    if (component !== "" && identity.kind !== "admin") {
      return "Functions of components can only be called from outside with the admin key.";
    }
    if (path.startsWith("_system/")) {
      const known = kind === "query" || (kind === "mutation" && isFrontendPath(path));
      return identity.kind === "admin" && known ? null : notFound(path, "public");
    }
    const spec = this.find(path, component);
    if (!spec) return notFound(path, identity.kind === "admin" ? "" : "public");
    if (spec.visibility === "internal" && identity.kind !== "admin") return notFound(path, "public");
    return spec.kind === kind ? null : wrongKind(spec, kind);
  }

  /** With `asOf`, the result is the one of that time; `changed` says that it can't be had any more. */
  async query(call: Call, caller: Caller, asOf?: bigint): Promise<Result & { changed?: boolean }> {
    const id = requestId();
    try {
      const { runs } = await this.database.call("queries", { calls: [{ ...call, journal: null }] });
      const run = runs[0];
      if (!run) throw new Error("The query gave no result.");
      this.log("query", call, caller, id, run);
      // The database thread answers in order: every commit before this run is known here by now.
      return asOf !== undefined && this.live.changedSince(asOf, run.reads) ? { ...run, changed: true } : run;
    } catch (error) {
      return this.broken("query", call, caller, id, error);
    }
  }

  async mutation(
    call: Call & { session?: { id: string; request: number } },
    caller: Caller,
  ): Promise<MutationResult> {
    const id = requestId();
    try {
      const run = await this.database.call("mutation", { ...withId(call, id), requestId: id });
      this.log("mutation", call, caller, id, run);
      if (run.commit) this.committed(run.commit);
      if (run.scheduled) this.scheduler.wake();
      return run;
    } catch (error) {
      return { ...this.broken("mutation", call, caller, id, error), ts: null };
    }
  }

  async action(call: Call, caller: Caller): Promise<Result> {
    const id = requestId();
    const started = performance.now();
    const spec = this.find(call.path, call.component);
    const done = (result: Result): Result => {
      this.log("action", call, caller, id, { ...result, durationMs: performance.now() - started });
      return result;
    };
    const invalid = (problem: string): Result => ({
      outcome: { ok: false, error: { message: serverError(problem, id) } },
      logLines: [],
    });
    if (!spec) return done(invalid(notFound(call.path)));
    try {
      const { problem } = await this.database.call("validate", {
        component: spec.component,
        path: spec.path,
        which: "args",
        value: call.args,
      });
      if (problem !== null) return done(invalid(problem));
      const result = await this.actions.run({ ...withId(call, id), path: spec.path }, id, spec.environment);
      if (result.outcome.ok && spec.returns !== null) {
        const value = JSON.parse(result.outcome.value) as JsonObject;
        const check = await this.database.call("validate", {
          component: spec.component,
          path: spec.path,
          which: "returns",
          value,
        });
        if (check.problem !== null) return done({ ...invalid(check.problem), logLines: result.logLines });
      }
      return done(result);
    } catch (error) {
      return this.broken("action", call, caller, id, error);
    }
  }

  /** Runs an HTTP action until its body has ended. Resolves when it has answered: an error's text with status 500. */
  http(request: HttpCall, identity: Identity, gone: AbortSignal): Promise<HttpHead> {
    const id = requestId();
    const started = performance.now();
    return new Promise((resolve) => {
      let route = new URL(request.url).pathname;
      const onHead = (head: HttpHead) => {
        route = head.route;
        resolve(head);
      };
      const asked = { ...request, origin: { ...request.origin, requestId: id } };
      void this.actions.http(asked, identity, id, gone, onHead).then(({ outcome, logLines }) => {
        this.logs.add({
          udfType: "HttpAction",
          identifier: `${request.method} ${route}`,
          requestId: id,
          logLines,
          error: outcome.ok ? null : outcome.error,
          executionTime: (performance.now() - started) / 1000,
          caller: "HttpEndpoint",
          environment: "isolate",
        });
        const message = outcome.ok ? "" : outcome.error.message;
        resolve({
          status: 500,
          headers: [["content-type", "application/json"]],
          body: Buffer.from(JSON.stringify({ code: "InternalServerError", message })),
          route,
        });
      });
    });
  }

  private async schedule({ component, path }: Address, args: JsonObject, atMs: number): Promise<string> {
    if (!this.find(path, component)) throw new Error(notFound(path));
    const { id, commit } = await this.database.call("schedule", { component, path, args, atMs });
    this.committed(commit);
    this.scheduler.wake();
    return id;
  }

  private exclusively<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.changing.then(change);
    this.changing = changed.catch(() => {});
    return changed;
  }

  /** Loads the app again with changed variables. Throws, with nothing changed, when it can't be loaded with them. */
  updateEnvironment(envChanges: EnvChange[]): Promise<void> {
    return this.exclusively(async () => {
      await this.adopt(await this.database.replace({ envChanges }));
      this.live.invalidateAll();
    });
  }

  /**
   * Puts another app in the place of the one that runs: code, schema and indexes in one transaction. Calls that come
   * meanwhile wait for it. Throws, with nothing changed, when the rows there are don't fit.
   */
  push(app: App): Promise<void> {
    return this.exclusively(async () => {
      const ready = await this.database.replace({ app });
      this.app = app;
      this.nodeFunctions = [];
      await this.adopt(ready);
      await this.scheduler.setCrons(ready.analysis.crons, ready.crons);
      this.scheduler.wake();
      for (const told of this.onPush) told();
      this.live.invalidateAll();
    });
  }

  /** The environment as functions see it. */
  functionEnvironment(): Record<string, string> {
    return { ...this.environment };
  }

  warn(text: string): void {
    this.print(`[WARN] ${text}`);
  }

  /** What was written reaches those who look at it. */
  committed(commit: Commit): void {
    if (this.storageFails) this.print("[INFO] The data folder can be written again.");
    this.storageFails = false;
    this.live.committed(commit);
  }

  /** Told once, until something can be written again: what tries again every second must not fill the log. */
  private troubled(error: Error): void {
    if (!(error instanceof StorageError) || this.storageFails) return;
    this.storageFails = true;
    this.print(`[ERROR] ${error.message} Its data folder is ${this.folder.path}`);
  }

  environmentVariable(name: string): string | undefined {
    return this.environment[name];
  }

  countEnvironment(): number {
    return Object.keys(this.environment).length;
  }

  private log(
    kind: FunctionKind,
    { component = "", path }: { component?: string; path: string },
    caller: Caller,
    id: string,
    run: Pick<MutationRun, "outcome" | "logLines" | "durationMs">,
  ): void {
    if (path.startsWith("_system/")) return;
    this.logs.add({
      udfType: UDF_TYPES[kind],
      identifier: canonicalPath(path),
      component,
      requestId: id,
      logLines: run.logLines,
      error: run.outcome.ok ? null : run.outcome.error,
      executionTime: run.durationMs / 1000,
      caller,
      environment: this.find(path, component)?.environment ?? "isolate",
    });
  }

  private broken(
    kind: FunctionKind,
    call: { component?: string; path: string },
    caller: Caller,
    id: string,
    error: unknown,
  ): Result {
    const message = serverError(error instanceof Error ? error.message : String(error), id);
    const unavailable = error instanceof StorageError;
    if (unavailable) this.troubled(error);
    const result: Result = { outcome: { ok: false, error: { message } }, logLines: [], unavailable };
    this.log(kind, call, caller, id, { ...result, durationMs: 0 });
    return result;
  }

  async stop(): Promise<void> {
    this.scheduler.stop();
    this.logs.close();
    await this.actions.stop();
    await this.database.stop();
    this.folder.release();
  }
}
