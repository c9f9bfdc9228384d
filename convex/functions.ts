/**
 * The kinds of public function. Everything a client can call is built on one of them, so that nothing is
 * reachable without an identity that was checked: a person's functions get their own `user` row, a worker's
 * functions are closed to people, and an operator's to everybody else.
 */

import type { UserIdentity } from "convex/server";
import { customCtx, customMutation, customQuery } from "convex-helpers/server/customFunctions";
import type { Doc } from "./_generated/dataModel";
import { mutation, type QueryCtx, query } from "./_generated/server";
import { fail } from "./errors";
import { callerOf } from "./identity";

/** A person's identity, known to Floyd or not yet. For `users:ensure` and `users:me`. */
async function person(ctx: QueryCtx): Promise<{ identity: UserIdentity; operator: boolean }> {
  const caller = callerOf(await ctx.auth.getUserIdentity());
  if (caller.kind === "person") return { identity: caller.identity, operator: caller.operator };
  fail("FORBIDDEN", "This function is for people; the token is a worker's");
}

async function knownPerson(ctx: QueryCtx): Promise<{ user: Doc<"users"> }> {
  const { identity } = await person(ctx);
  const user = await userOf(ctx, identity);
  if (user === null) fail("NOT_FOUND", "Floyd does not know you yet: call users:ensure first", "user");
  return { user };
}

/** Somebody who runs this Floyd, whether or not it makes calls for them. */
async function operator(ctx: QueryCtx): Promise<{ operator: true }> {
  if ((await person(ctx)).operator) return { operator: true };
  fail("FORBIDDEN", "This function is for operators, and the token does not name one");
}

async function worker(ctx: QueryCtx): Promise<{ caller: "worker" }> {
  const { kind } = callerOf(await ctx.auth.getUserIdentity());
  if (kind === "worker") return { caller: kind };
  fail("FORBIDDEN", "This function is for workers; the token is a person's");
}

export function userOf(ctx: QueryCtx, identity: UserIdentity): Promise<Doc<"users"> | null> {
  return ctx.db
    .query("users")
    .withIndex("by_token", (q) => q.eq("tokenIdentifier", identity.tokenIdentifier))
    .unique();
}

export const personQuery = customQuery(query, customCtx(person));
export const personMutation = customMutation(mutation, customCtx(person));
export const userQuery = customQuery(query, customCtx(knownPerson));
export const userMutation = customMutation(mutation, customCtx(knownPerson));
export const workerQuery = customQuery(query, customCtx(worker));
export const workerMutation = customMutation(mutation, customCtx(worker));
export const operatorQuery = customQuery(query, customCtx(operator));
export const operatorMutation = customMutation(mutation, customCtx(operator));
