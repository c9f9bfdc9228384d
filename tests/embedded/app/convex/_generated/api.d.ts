/* eslint-disable */
import type { ApiFromModules, FilterApi, FunctionReference } from "convex/server";
import type * as jobs from "../jobs.js";
import type * as messages from "../messages.js";
import type * as nodeActions from "../nodeActions.js";
import type * as values from "../values.js";

declare const fullApi: ApiFromModules<{
  jobs: typeof jobs;
  messages: typeof messages;
  nodeActions: typeof nodeActions;
  values: typeof values;
}>;

export declare const api: FilterApi<typeof fullApi, FunctionReference<any, "public">>;
export declare const internal: FilterApi<typeof fullApi, FunctionReference<any, "internal">>;
