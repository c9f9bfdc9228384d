/**
 * What the main thread and the function threads say to each other. Everything here is structured-cloneable; values
 * travel as JSON text in Convex's encoding, so that nothing is parsed twice.
 */

import type { MessagePort } from "node:worker_threads";
import type { App } from "../app.ts";
import type { ComponentSchema } from "../engine/schema.ts";
import type { VectorQuery, VectorResult } from "../engine/search/vectorSearch.ts";
import type { ReadRange, Write } from "../engine/transaction.ts";
import type { Address } from "../names.ts";
import type { NewFile } from "../storage/fileFolder.ts";
import type { FileRecord } from "../storage/fileRecords.ts";
import type { ImportMode } from "../transfer/applyImport.ts";
import type { TransferKind, TransferState } from "../transfer/state.ts";
import type { Parsed } from "../transfer/transferThread.ts";
import type { Json, JsonObject } from "../values/json.ts";
import type { Component, DefinitionExport } from "./components.ts";

export type FunctionKind = "query" | "mutation" | "action";
export type FunctionSpec = {
  /** Path of the component that it belongs to. */
  component: string;
  /** Canonical: `dir/file:export`. */
  path: string;
  kind: FunctionKind;
  visibility: "public" | "internal";
  environment: "isolate" | "node";
  args: string;
  returns: string | null;
};
/** `name` is a key: that of a component's cron job ends in `@component`. */
export type CronSpec = {
  name: string;
  component: string;
  function: string;
  args: JsonObject;
  schedule: CronSchedule;
};
export type CronSchedule =
  | { type: "interval"; seconds?: number; minutes?: number; hours?: number }
  | { type: "hourly"; minuteUTC?: number }
  | { type: "daily"; hourUTC: number; minuteUTC?: number }
  | { type: "weekly"; dayOfWeek: string; hourUTC: number; minuteUTC?: number }
  | { type: "monthly"; day: number; hourUTC: number; minuteUTC?: number }
  | { type: "cron"; cron: string };
export type HttpRoute = { path: string; method: string };

/** What a thread found in the modules it loaded. */
export type Analysis = {
  functions: FunctionSpec[];
  crons: CronSpec[];
  routes: HttpRoute[];
  /** The default export of `auth.config`, as it is; checked by the authentication code. */
  auth: Json | null;
  schema: string | null;
  /** Schemas of all components, the app's included. */
  schemas: ComponentSchema[];
  /** The components in use; the root is the app. */
  tree: Component;
  /** What each component definition exports, and holds, by its path. */
  definitions: {
    path: string;
    exported: DefinitionExport;
    functions: FunctionSpec[];
    schema: string | null;
  }[];
};

export type Identity = { kind: "none" } | { kind: "user"; attributes: JsonObject } | { kind: "admin" };

export type Failure = { message: string; data?: Json };
export type Outcome = { ok: true; value: string } | { ok: false; error: Failure };

/** What `ctx.meta.getRequestMetadata` tells: where a call came from, handed on to the functions that it calls. */
export type Origin = {
  ip: string | null;
  userAgent: string | null;
  requestId: string;
  scheduledFunctionId: string | null;
  authToken: string | null;
};
/** `component` is left out for functions of the app itself, `origin` where nothing is known of it. */
export type Call = {
  path: string;
  component?: string;
  args: JsonObject;
  identity: Identity;
  origin?: Origin;
};
export type QueryCall = Call & { journal: string | null };
export type QueryRun = {
  outcome: Outcome;
  logLines: string[];
  journal: string | null;
  reads: ReadRange[];
  durationMs: number;
};
export type Commit = { ts: bigint; writes: Write[] };
export type MutationCall = Call & {
  requestId: string;
  /** The client's name for this mutation; a replay with the same name returns the first outcome. */
  session?: { id: string; request: number };
};
export type MutationRun = {
  outcome: Outcome;
  logLines: string[];
  commit: Commit | null;
  /** Set for a replay: the timestamp of the commit that was made then. */
  ts: bigint | null;
  /** The function scheduled something; the scheduler must look again. */
  scheduled: boolean;
  durationMs: number;
};

export type Job = {
  id: string;
  component: string;
  path: string;
  args: JsonObject;
  kind: FunctionKind | null;
};
export type SchemaCheck = { problem: string | null; after: string | null };
export type JobRun = MutationRun & Address;

/** Requests to the database thread, each with its reply. */
export type DatabaseApi = {
  queries: { request: { calls: QueryCall[] }; reply: { runs: QueryRun[] } };
  mutation: { request: MutationCall; reply: MutationRun };
  validate: {
    request: Address & { which: "args" | "returns"; value: Json };
    reply: { problem: string | null };
  };
  schedule: {
    request: Address & { args: JsonObject; atMs: number };
    reply: { id: string; commit: Commit };
  };
  cancel: { request: { id: string }; reply: { commit: Commit } };
  /** Makes functions known that only the action thread has loaded. */
  addSpecs: { request: { specs: FunctionSpec[] }; reply: Record<string, never> };
  dueJobs: { request: { nowMs: number }; reply: { jobs: Job[]; nextMs: number | null } };
  runMutationJob: { request: { id: string; requestId: string }; reply: JobRun | null };
  startActionJob: { request: { id: string }; reply: { job: Job | null; commit: Commit | null } };
  finishActionJob: { request: { id: string; error: string | null }; reply: { commit: Commit | null } };
  /** Actions that were running when the deployment stopped are not run again. */
  abandonActions: { request: Record<string, never>; reply: { commit: Commit | null } };
  setCrons: { request: { crons: StoredCron[] }; reply: Record<string, never> };
  /** Schedules a cron job's function for now and notes its next time, in one transaction. */
  fireCron: {
    request: Address & { name: string; args: JsonObject; nextMs: number };
    reply: { commit: Commit };
  };
  /** A portion of a table's rows against a schema that is to be pushed; `after` is where the next one begins. */
  checkSchema: {
    request: { schemas: ComponentSchema[]; table: string; after: string | null };
    reply: SchemaCheck;
  };
  vectorSearch: { request: { component: string; query: VectorQuery }; reply: { results: VectorResult[] } };
  setTransfer: {
    request: { kind: TransferKind; id: string; state: TransferState };
    reply: { commit: Commit };
  };
  applyImport: { request: { parsed: Parsed; mode: ImportMode }; reply: { written: number; commit: Commit } };
  jwks: { request: Record<string, never>; reply: { keys: JsonObject[] } };
  tableSizes: {
    request: Record<string, never>;
    reply: { sizes: { table: string; documents: number; bytes: number }[] };
  };
  stop: { request: Record<string, never>; reply: Record<string, never> };
} & StorageApi;
/** Requests about stored files; see storage/. */
export type StorageApi = {
  /** `ctx.storage` of an action. */
  storageSyscall: {
    request: { component: string; op: string; args: JsonObject };
    reply: { value: string; commit: Commit | null };
  };
  addFile: {
    request: { component: string; file: NewFile; keep: { id: string; creationTime: number } | null };
    reply: { id: string; commit: Commit };
  };
  findFile: {
    request: { uuid: string } | { component: string; id: string };
    reply: { file: FileRecord | null };
  };
  checkUpload: {
    request: { token: string };
    reply: { verdict: { component: string } | "invalid" | "expired" };
  };
  sweepFiles: { request: Record<string, never>; reply: Record<string, never> };
};
export type DatabaseOp = keyof DatabaseApi;
export type DatabaseRequest = {
  [Op in DatabaseOp]: { id: number; op: Op; request: DatabaseApi[Op]["request"] };
}[DatabaseOp];
/** `unavailable`: the disk is at fault, and the same request may succeed later. */
export type DatabaseReply = { id: number; reply?: unknown; error?: string; unavailable?: boolean };
/** When a cron job runs next, and the scheduled function of its last run. */
export type StoredCron = { name: string; spec: string; nextMs: number; job: string | null };
export type DatabaseReady = {
  ready: {
    analysis: Analysis;
    lastTs: bigint;
    env: Record<string, string>;
    crons: StoredCron[];
    /** What it runs, if it was not told. */
    app: App | null;
  };
};
export type DatabaseFailed = { failed: string; unavailable?: boolean };

/** Requests to the action thread. */
export type HttpCall = {
  origin: Origin;
  method: string;
  url: string;
  headers: [string, string][];
  /** A port is the receiving end of a body that streams; see runtime/bodyPipe.ts. */
  body: Uint8Array | MessagePort | null;
};
/** The answer of an HTTP action: all of it, or its beginning, with a port for a body that streams. */
export type HttpHead = {
  status: number;
  headers: [string, string][];
  body: Uint8Array | MessagePort | null;
  route: string;
};
export type ActionRequest =
  | { id: number; op: "action"; call: Call; requestId: string }
  | { id: number; op: "http"; http: HttpCall; identity: Identity; requestId: string };
/** The client of the HTTP action with this id is gone. */
export type ActionAbort = { abort: number };
export type ActionHead = { id: number; head: HttpHead };
export type ActionDone = {
  id: number;
  done: { outcome: Outcome; logLines: string[] };
};
/** An action's own request to the deployment, answered by `{reply: call, ...}`. */
export type ActionAsk = {
  id: number;
  ask: number;
  op:
    | "query"
    | "mutation"
    | "action"
    | "schedule"
    | "cancel"
    | "vectorSearch"
    | "storage"
    | "storeBlob"
    | "findFile";
  args: JsonObject;
  /** The content of a file that the action stores. */
  port?: MessagePort;
};
export type ActionAnswer = { answer: number; ok: boolean; value: string; data?: Json };

/** What a thread is started with. */
export type ThreadData = {
  role: "database" | "action" | "analysis";
  /** How the main thread sees what this one is doing; see runtime/pulse.ts. */
  pulse: SharedArrayBuffer;
};
/** The first message to a thread: what it is to run. */
/** An environment variable that is set, or with null removed. */
export type EnvChange = { name: string; value: string | null };

export type Load = {
  /** Null for what was pushed before, which the database holds. */
  app: App | null;
  /** Environment of the functions; the database thread adds the variables it stores. */
  env: Record<string, string>;
  /** Stored once the functions have loaded with them. */
  envChanges?: EnvChange[];
  databaseFile: string;
  /** Functions that only the action thread loads, for the database thread to know of. */
  nodeFunctions: FunctionSpec[];
  /** For an analysis: the "use node" modules too, with Node's globals. */
  node?: boolean;
};
