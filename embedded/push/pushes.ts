/**
 * Pushes of the official command line: analysed apart from what runs, checked against the rows there are, then put
 * in place whole. Until `finish` nothing has changed, and a dry run never gets there.
 */
import { randomUUID } from "node:crypto";
import { type App, moduleHash } from "../app.ts";
import type { Deployment } from "../deployment.ts";
import type { ComponentSchema } from "../engine/schema.ts";
import { AnalysisError, analyse } from "../host/analysis.ts";
import { componentKey } from "../names.ts";
import type { Analysis, SchemaCheck } from "../runtime/messages.ts";
import { isObject, type JsonObject } from "../values/json.ts";
import { analysisJson } from "./analysisJson.ts";
import { indexDiff, indexesOf, pushDiff, tablesOf } from "./diff.ts";
import { PushError, readPush } from "./request.ts";

/** A push that nobody finishes is forgotten when so many have come after it. */
const KEPT_PUSHES = 8;

type Started = { app: App; analysis: Analysis; dryRun: boolean; before: App };

export class Pushes {
  private readonly deployment: Deployment;
  private readonly started = new Map<string, Started>();

  constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  private async read(body: JsonObject): Promise<Started> {
    const before = this.deployment.app;
    const { app, dryRun } = readPush(body, before);
    try {
      const analysis = await analyse(app, this.deployment.functionEnvironment());
      return { app, analysis, dryRun, before };
    } catch (error) {
      if (!(error instanceof AnalysisError)) throw error;
      const missing = /Environment variable \S+ is used in auth config/.test(error.message);
      throw new PushError(error.message, missing ? "AuthConfigMissingEnvironmentVariable" : "InvalidModules");
    }
  }

  /** Throws PushError. */
  async start(body: JsonObject): Promise<JsonObject> {
    const push = await this.read(body);
    const id = randomUUID();
    this.started.set(id, push);
    for (const old of [...this.started.keys()].slice(0, -KEPT_PUSHES)) this.started.delete(old);
    const { auth } = push.analysis;
    return {
      // The deployment itself sees to it that a push and a change of variables don't mix.
      environmentVariables: {},
      externalDepsId: null,
      componentDefinitionPackages: {},
      appAuth: isObject(auth) && Array.isArray(auth.providers) ? auth.providers : [],
      ...analysisJson(push.app, push.analysis),
      schemaChange: this.schemaChange(push, id),
    };
  }

  /** `evaluate_push`: what would change, without a push. */
  async evaluate(body: JsonObject): Promise<JsonObject> {
    return { schemaChange: this.schemaChange(await this.read(body), "") };
  }

  private schemaChange(push: Started, id: string): JsonObject {
    return {
      allocatedComponentIds: {},
      schemaIds: { "": id },
      indexDiffs: { "": indexDiff(this.deployment.analysis.schema, push.analysis.schema) },
    };
  }

  /** `evaluate_schema`: what the schema means for tables and indexes, with their sizes. */
  async evaluateSchema(body: JsonObject): Promise<JsonObject> {
    const { analysis } = await this.read(body);
    const { schema: before } = this.deployment.analysis;
    const sizes = await this.tableSizes();
    const size = (table: string) => sizes.get(table) ?? { documents: 0, bytes: 0 };
    const types = (schema: string | null) =>
      new Map(tablesOf(schema).map((table) => [table.tableName, JSON.stringify(table)]));
    const [old, next] = [types(before), types(analysis.schema)];
    const enforced = analysis.schema !== null && JSON.parse(analysis.schema).schemaValidation === true;
    const diff = indexDiff(before, analysis.schema) as Record<string, { name: string }[]>;
    const change = (name: string) =>
      (["added", "enabled", "disabled"] as const).find((kind) =>
        diff[`${kind}_indexes`]?.some((index) => index.name === name),
      ) ?? "identical";
    const documents = (index: { name: string }) => size(index.name.split(".")[0] ?? "").documents;
    return {
      componentSchemaEvaluations: {
        "": {
          definitionPath: "",
          schemaValidation: enforced,
          tables: [...next].map(([name, type]) => ({
            name,
            outcome: !enforced ? "notValidated" : old.get(name) === type ? "supersetOfEnforced" : "mustWalk",
            numDocs: size(name).documents,
            sizeBytes: size(name).bytes,
          })),
          indexes: [
            ...indexesOf(analysis.schema).map((index) => ({
              ...index,
              change: change(index.name),
              needsBackfill: change(index.name) === "added",
              numDocs: documents(index),
            })),
            ...(diff.removed_indexes ?? []).map((index) => ({
              ...index,
              change: "dropped",
              needsBackfill: false,
              numDocs: documents(index),
            })),
          ],
        },
      },
      newComponentDefinitions: [],
    };
  }

  private find(schemaChange: unknown): Started {
    const ids = isObject(schemaChange) ? schemaChange.schemaIds : null;
    const push = isObject(ids) ? this.started.get(String(ids[""])) : undefined;
    if (!push) {
      throw new PushError(
        "This push is not known here any more; the deployment may have restarted. Push again.",
      );
    }
    return push;
  }

  /** `wait_for_schema`: whether the rows there are fit. */
  async waitForSchema(body: JsonObject): Promise<JsonObject> {
    const push = this.find(body.schemaChange);
    if (push.before !== this.deployment.app) return { type: "raceDetected" };
    const problem = await this.schemaProblem(push.analysis.schemas);
    if (problem === null) return { type: "complete" };
    return {
      type: "failed",
      error: problem.message,
      tableName: problem.table,
      componentPath: problem.component,
    };
  }

  /** The first row that the schemas forbid; null if they fit all. Looked for in portions, others being served. */
  private async schemaProblem(
    schemas: ComponentSchema[],
  ): Promise<{ component: string; table: string; message: string } | null> {
    for (const schema of schemas) {
      const { component, exported } = schema;
      for (const { tableName } of tablesOf(exported)) {
        const table = componentKey(component, tableName);
        let after: string | null = null;
        do {
          const request = { schemas: [schema], table, after };
          const found: SchemaCheck = await this.deployment.database.call("checkSchema", request);
          if (found.problem !== null) return { component, table: tableName, message: found.problem };
          after = found.after;
        } while (after !== null);
      }
    }
    return null;
  }

  private async tableSizes(): Promise<Map<string, { documents: number; bytes: number }>> {
    const { sizes } = await this.deployment.database.call("tableSizes", {});
    return new Map(sizes.map((size) => [size.table, size]));
  }

  /** `finish_push`: puts the push in place, unless it is a dry run, and says what has changed. */
  async finish(body: JsonObject): Promise<JsonObject> {
    const push = this.find(isObject(body.startPush) ? body.startPush.schemaChange : null);
    const { app, analysis: before } = this.deployment;
    if (push.before !== app) {
      throw new PushError(
        "Another push was faster; nothing of this one has been changed. Push again.",
        "RaceDetected",
      );
    }
    const dryRun = push.dryRun || body.dryRun === true;
    if (!dryRun) await this.deployment.push(push.app);
    return pushDiff({ app, analysis: before }, push);
  }

  /** `get_config_hashes`: what runs, by which the command line finds out what to send. */
  configHashes(): JsonObject {
    return {
      config: { functions: "convex/" },
      moduleHashes: this.deployment.app[0].modules.map((module) => ({
        path: module.path,
        environment: module.environment,
        hash: moduleHash(module),
      })),
      udfServerVersion: "1.48.0",
    };
  }
}
