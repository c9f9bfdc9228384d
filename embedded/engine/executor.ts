/**
 * Runs queries and mutations: finds the function, checks arguments and result against its validators, runs it inside
 * a transaction, and reports what it read or wrote.
 */
import { clearTimeout, setTimeout } from "node:timers";
import { MAX_ARGUMENT_BYTES, MAX_RESULT_BYTES } from "../limits.ts";
import {
  type Address,
  canonicalPath,
  componentKey,
  isFrontendPath,
  notFound,
  originOf,
  requestId,
  wrongKind,
} from "../names.ts";
import { currentRun, LogBook } from "../runtime/context.ts";
import { failure } from "../runtime/errors.ts";
import { seededRandom } from "../runtime/freeze.ts";
import type { Loaded, Registered } from "../runtime/loader.ts";
import type {
  Call,
  FunctionSpec,
  Identity,
  MutationCall,
  MutationRun,
  Outcome,
  QueryCall,
  QueryRun,
} from "../runtime/messages.ts";
import type { Pulse } from "../runtime/pulse.ts";
import type { FileRecords } from "../storage/fileRecords.ts";
import type { Json } from "../values/json.ts";
import { CallError } from "./errors.ts";
import { runFrontendMutation, runFrontendQuery } from "./frontend.ts";
import { type AppSchema, inComponent } from "./schema.ts";
import type { Store } from "./store.ts";
import { DatabaseSyscalls, type Scope } from "./syscalls.ts";
import { isSystemPath, runSystemQuery } from "./system.ts";
import { Transaction } from "./transaction.ts";
import { findMismatch, type Validator } from "./validate.ts";

/**
 * Database operations complete at once, so a function that has not settled after this long, with the thread free,
 * waits for something that will never come. Real asynchronous work in queries (WebCrypto) takes far less.
 */
const NEVER_SETTLES_MS = 250;

/** A client that comes back after so long starts anew; its mutations are not replays any more. */
const REPLAY_WINDOW_MS = 3 * 24 * 3600 * 1000;
const FORGET_EVERY = 5_000;

const NOBODY: Identity = { kind: "none" };

type Known = { registered: Registered; spec: FunctionSpec; args: Validator; returns: Validator | null };

/** The watchdog took the function away while it ran; its outcome has been told already. */
export class Ended extends Error {}

export class Executor {
  private readonly known = new Map<string, Known>();
  readonly files: FileRecords;
  private readonly store: Store;
  private readonly schema: AppSchema | null;
  private readonly pulse: Pulse;
  private readonly specByKey = new Map<string, FunctionSpec>();
  private remembered = 0;
  readonly specs: FunctionSpec[];

  constructor(store: Store, schema: AppSchema | null, loaded: Loaded, pulse: Pulse, files: FileRecords) {
    this.store = store;
    this.files = files;
    this.schema = schema;
    this.pulse = pulse;
    this.specs = loaded.analysis.functions;
    for (const spec of this.specs) {
      const key = componentKey(spec.component, spec.path);
      const registered = loaded.functions.get(key);
      this.specByKey.set(key, spec);
      if (registered) {
        const validator = (text: string) => inComponent(spec.component, JSON.parse(text) as Validator);
        this.known.set(key, {
          registered,
          spec,
          args: validator(spec.args),
          returns: spec.returns === null ? null : validator(spec.returns),
        });
      }
    }
  }

  /** Functions of "use node" modules, which only the action thread has loaded. */
  addSpecs(specs: FunctionSpec[]): void {
    for (const spec of specs) {
      const key = componentKey(spec.component, spec.path);
      if (this.specByKey.has(key)) continue;
      this.specByKey.set(key, spec);
      this.specs.push(spec);
    }
  }

  spec({ component, path }: Address): FunctionSpec | undefined {
    return this.specByKey.get(componentKey(component, path));
  }

  transaction(nowMs = Date.now()): Transaction {
    return new Transaction(this.store, this.schema, nowMs);
  }

  knows = (address: Address): boolean => this.spec(address) !== undefined;

  /** Runs one query, part `part` of a request. Throws Ended if the watchdog took it away. */
  async query(request: number, part: number, call: QueryCall): Promise<QueryRun> {
    const started = performance.now();
    const transaction = this.transaction();
    const log = new LogBook();
    let journal: string | null = null;
    let outcome: Outcome;
    if (!this.pulse.start(request, part, Date.now())) throw new Ended();
    try {
      if (isSystemPath(call.path)) {
        const value = isFrontendPath(call.path)
          ? runFrontendQuery(transaction, this.files, call)
          : runSystemQuery(transaction, this.specs, call);
        outcome = { ok: true, value: JSON.stringify(value) };
      } else {
        const ran = await this.invoke("query", call, transaction, log, 0, call.journal, "query");
        journal = ran.journal;
        outcome = { ok: true, value: ran.value };
      }
    } catch (error) {
      outcome = { ok: false, error: failure(error, requestId()) };
    }
    if (!this.pulse.finish()) throw new Ended();
    return {
      outcome,
      logLines: log.lines,
      journal,
      reads: transaction.reads,
      durationMs: performance.now() - started,
    };
  }

  /**
   * Runs a mutation in a transaction of its own. `inTransaction` runs after the function, in the same transaction.
   * Throws Ended if the watchdog took it away, and StorageError when the disk failed, whatever the function made of it.
   */
  async mutation(
    request: number,
    call: MutationCall,
    inTransaction?: (transaction: Transaction) => void,
  ): Promise<MutationRun> {
    const started = performance.now();
    const log = new LogBook();
    const replayed = call.session && this.replay(call.session);
    if (replayed) return replayed;
    if (!this.pulse.start(request, 0, Date.now())) throw new Ended();
    const transaction = this.transaction();
    const tablesBefore = this.store.tables.size;
    const undo = () => {
      this.store.rollback();
      if (this.store.tables.size !== tablesBefore) this.store.reload();
    };
    try {
      this.store.begin();
      const ran = isSystemPath(call.path)
        ? { value: JSON.stringify(runFrontendMutation(transaction, this.files, call)), scheduled: false }
        : await this.invoke("mutation", call, transaction, log, 0, null, "mutation");
      inTransaction?.(transaction);
      if (!this.pulse.committing()) throw new Ended();
      const ts = transaction.commitTs;
      const outcome: Outcome = { ok: true, value: ran.value };
      if (call.session) this.remember(call.session, ts, outcome, log.lines);
      this.store.commit(ts);
      this.pulse.finish();
      return {
        outcome,
        logLines: log.lines,
        commit: { ts, writes: transaction.writes },
        ts,
        scheduled: ran.scheduled,
        durationMs: performance.now() - started,
      };
    } catch (error) {
      const { failure: broken } = this.store;
      undo();
      if (!this.pulse.finish()) throw new Ended();
      if (broken) throw broken;
      return {
        outcome: { ok: false, error: failure(error, call.requestId) },
        logLines: log.lines,
        commit: null,
        ts: null,
        scheduled: false,
        durationMs: performance.now() - started,
      };
    }
  }

  private replay(session: { id: string; request: number }): MutationRun | null {
    const row = this.store.one(
      "SELECT CAST(ts AS TEXT) AS ts, outcome FROM requests WHERE session = ? AND request = ?",
      session.id,
      session.request,
    );
    if (!row) return null;
    const { value, logLines } = JSON.parse(String(row.outcome)) as { value: string; logLines: string[] };
    return {
      outcome: { ok: true, value },
      logLines,
      commit: null,
      ts: BigInt(String(row.ts)),
      scheduled: false,
      durationMs: 0,
    };
  }

  /** Forgets outcomes that no client will ask for again. */
  private forgetOutcomes(): void {
    const before = (BigInt(Date.now()) - BigInt(REPLAY_WINDOW_MS)) * 1_000_000n;
    this.store.run("DELETE FROM requests WHERE ts < ?", before);
  }

  private remember(
    session: { id: string; request: number },
    ts: bigint,
    outcome: Outcome,
    logLines: string[],
  ): void {
    if (this.remembered++ % FORGET_EVERY === 0) this.forgetOutcomes();
    const value = outcome.ok ? outcome.value : "null";
    this.store.run(
      "INSERT INTO requests (session, request, ts, outcome) VALUES (?, ?, ?, ?)",
      session.id,
      session.request,
      ts,
      JSON.stringify({ value, logLines }),
    );
  }

  private find(component: string, path: string, kind: "query" | "mutation"): Known {
    const known = this.known.get(componentKey(component, canonicalPath(path)));
    if (!known) throw new CallError(notFound(path));
    if (known.spec.kind !== kind) throw new CallError(wrongKind(known.spec, kind));
    return known;
  }

  /** The first problem of a value with the arguments or result validator of any function; null if it fits. */
  problem(address: Address, which: "args" | "returns", value: Json): string | null {
    const spec = this.spec(address);
    const text = which === "args" ? spec?.args : spec?.returns;
    if (!text) return null;
    return this.check(inComponent(address.component, JSON.parse(text) as Validator), which, value);
  }

  private check(validator: Validator, which: "args" | "returns", value: Json): string | null {
    const problem = findMismatch(validator, value, this.store.tableOfId);
    const name = which === "args" ? "ArgumentValidationError" : "ReturnsValidationError";
    return problem === null ? null : `${name}: ${problem}`;
  }

  private async invoke(
    kind: "query" | "mutation",
    call: Call,
    transaction: Transaction,
    log: LogBook,
    depth: number,
    journal: string | null,
    rootKind: "query" | "mutation",
  ): Promise<{ value: string; journal: string | null; scheduled: boolean }> {
    const { component = "" } = call;
    const known = this.find(component, call.path, kind);
    const argsText = JSON.stringify([call.args]);
    if (argsText.length > MAX_ARGUMENT_BYTES) {
      throw new CallError(
        `Arguments for ${call.path} are too large (${argsText.length} bytes, limit: ${MAX_ARGUMENT_BYTES} bytes)`,
      );
    }
    const badArgs = this.check(known.args, "args", call.args);
    if (badArgs !== null) throw new CallError(badArgs);
    const nowMs = Date.now();
    let scheduled = false;
    const scope: Scope = {
      kind,
      component,
      path: known.spec.path,
      identity: call.identity,
      origin: call.origin ?? originOf(),
      transaction,
      files: this.files,
      nowMs,
      depth,
      journal,
      knowsFunction: this.knows,
      runNested: async (nestedKind, address, args, level) => {
        // Who is signed in is the app's business; its components are told what they need to know.
        const identity = address.component === component ? call.identity : NOBODY;
        const nested = { ...address, args, identity, ...(call.origin && { origin: call.origin }) };
        const run = () => this.invoke(nestedKind, nested, transaction, log, level, null, rootKind);
        const ran = await (nestedKind === "mutation" ? this.savepoint(transaction, level, run) : run());
        scheduled ||= ran.scheduled;
        return ran.value;
      },
    };
    const syscalls = new DatabaseSyscalls(scope);
    const run = {
      component,
      path: known.spec.path,
      identity: call.identity,
      requestId: "",
      syscalls,
      log,
      frozen: { nowMs, random: seededRandom((Math.random() * 2 ** 32) >>> 0) },
    };
    let value: string;
    try {
      const promise = currentRun.run(run, () =>
        kind === "query" ? known.registered.invokeQuery(argsText) : known.registered.invokeMutation(argsText),
      );
      value = depth === 0 ? await settled(promise, known.spec.path) : await promise;
    } finally {
      syscalls.close();
    }
    if (value.length > MAX_RESULT_BYTES) {
      throw new CallError(
        `Function ${call.path} return value is too large (${value.length} bytes, limit: ${MAX_RESULT_BYTES} bytes)`,
      );
    }
    if (known.returns) {
      const badResult = this.check(known.returns, "returns", JSON.parse(value) as Json);
      if (badResult !== null) throw new CallError(badResult);
    }
    return { value, journal: syscalls.journalOut, scheduled: scheduled || syscalls.scheduled };
  }

  /** A nested mutation is undone alone when it fails; its caller may go on. */
  private async savepoint<T>(transaction: Transaction, level: number, run: () => Promise<T>): Promise<T> {
    const name = `nested${level}`;
    const writes = transaction.writes.length;
    const tables = this.store.tables.size;
    this.store.run(`SAVEPOINT ${name}`);
    try {
      const result = await run();
      this.store.run(`RELEASE ${name}`);
      return result;
    } catch (error) {
      if (this.store.failure) throw error;
      this.store.run(`ROLLBACK TO ${name}`);
      this.store.run(`RELEASE ${name}`);
      transaction.writes.length = writes;
      if (this.store.tables.size !== tables) this.store.reload();
      throw error;
    }
  }
}

async function settled(promise: Promise<string>, path: string): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const never = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new CallError(`Function ${path} never finishes: it awaits a promise that nothing will settle.`),
        ),
      NEVER_SETTLES_MS,
    );
  });
  try {
    return await Promise.race([promise, never]);
  } finally {
    clearTimeout(timer);
  }
}
