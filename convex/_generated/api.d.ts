/* eslint-disable */
/**
 * Generated `api` utility.
 *
 * THIS CODE IS AUTOMATICALLY GENERATED.
 *
 * To regenerate, run `npx convex dev`.
 * @module
 */

import type * as asking from "../asking.js";
import type * as callHours from "../callHours.js";
import type * as callRows from "../callRows.js";
import type * as calls from "../calls.js";
import type * as contacts from "../contacts.js";
import type * as crons from "../crons.js";
import type * as disclosures from "../disclosures.js";
import type * as due from "../due.js";
import type * as errors from "../errors.js";
import type * as expiry from "../expiry.js";
import type * as facts from "../facts.js";
import type * as filing from "../filing.js";
import type * as functions from "../functions.js";
import type * as hints from "../hints.js";
import type * as http from "../http.js";
import type * as identity from "../identity.js";
import type * as input from "../input.js";
import type * as leases from "../leases.js";
import type * as lifecycle from "../lifecycle.js";
import type * as live from "../live.js";
import type * as log from "../log.js";
import type * as material from "../material.js";
import type * as messages from "../messages.js";
import type * as numbers from "../numbers.js";
import type * as pricing from "../pricing.js";
import type * as questions from "../questions.js";
import type * as reports from "../reports.js";
import type * as requests from "../requests.js";
import type * as showing from "../showing.js";
import type * as signIn from "../signIn.js";
import type * as steering from "../steering.js";
import type * as suppressions from "../suppressions.js";
import type * as transcript from "../transcript.js";
import type * as turns from "../turns.js";
import type * as upgrade from "../upgrade.js";
import type * as users from "../users.js";
import type * as workers from "../workers.js";

import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";

declare const fullApi: ApiFromModules<{
  asking: typeof asking;
  callHours: typeof callHours;
  callRows: typeof callRows;
  calls: typeof calls;
  contacts: typeof contacts;
  crons: typeof crons;
  disclosures: typeof disclosures;
  due: typeof due;
  errors: typeof errors;
  expiry: typeof expiry;
  facts: typeof facts;
  filing: typeof filing;
  functions: typeof functions;
  hints: typeof hints;
  http: typeof http;
  identity: typeof identity;
  input: typeof input;
  leases: typeof leases;
  lifecycle: typeof lifecycle;
  live: typeof live;
  log: typeof log;
  material: typeof material;
  messages: typeof messages;
  numbers: typeof numbers;
  pricing: typeof pricing;
  questions: typeof questions;
  reports: typeof reports;
  requests: typeof requests;
  showing: typeof showing;
  signIn: typeof signIn;
  steering: typeof steering;
  suppressions: typeof suppressions;
  transcript: typeof transcript;
  turns: typeof turns;
  upgrade: typeof upgrade;
  users: typeof users;
  workers: typeof workers;
}>;

/**
 * A utility for referencing Convex functions in your app's public API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = api.myModule.myFunction;
 * ```
 */
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;

/**
 * A utility for referencing Convex functions in your app's internal API.
 *
 * Usage:
 * ```js
 * const myFunctionReference = internal.myModule.myFunction;
 * ```
 */
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;

export declare const components: {};
