// @vitest-environment edge-runtime
import { describe, expect, test } from "vitest";
import { api } from "../../convex/_generated/api";
import type { Id } from "../../convex/_generated/dataModel";
import { isLegal, isOver, move, type Status, TRANSITIONS } from "../../convex/lifecycle";
import {
  begin,
  type Caller,
  done,
  expectFailure,
  type Floyd,
  floyd,
  person,
  requestRow,
  worker,
} from "./floyd";

const STATUSES = Object.keys(TRANSITIONS) as Status[];

/** The table of the design, written down a second time: a slip in either shows. */
const LEGAL = new Set([
  "pending inFlight",
  "inFlight pending",
  "inFlight needsInput",
  "needsInput pending",
  "needsInput failed",
  "inFlight completed",
  "inFlight failed",
  "pending cancelled",
  "inFlight cancelled",
  "needsInput cancelled",
]);

/** What each is to its owner, written down a second time too. */
const STANDS: Record<Status, string> = {
  pending: "active",
  inFlight: "active",
  needsInput: "waiting",
  completed: "done",
  failed: "failed",
  cancelled: "failed",
};

const PAIRS = STATUSES.flatMap((from) => STATUSES.map((to) => ({ from, to })));

describe("the table of transitions", () => {
  test.each(PAIRS)("$from -> $to", async ({ from, to }) => {
    const t = floyd();
    const { requestId } = await requestIn(t, from);
    const before = await requestRow(t, requestId);
    const attempt = t.run(async (ctx) => {
      const request = await ctx.db.get("requests", requestId);
      if (request !== null) await move(ctx, request, to, "finish");
    });
    if (LEGAL.has(`${from} ${to}`)) {
      await attempt;
      expect(await requestRow(t, requestId)).toMatchObject({ status: to, standing: STANDS[to] });
    } else {
      await expectFailure(attempt, "CONFLICT", "status");
      expect(await requestRow(t, requestId)).toEqual(before);
    }
    expect(isLegal(from, to)).toBe(LEGAL.has(`${from} ${to}`));
  });

  test("is over in exactly three states", () => {
    expect(STATUSES.filter(isOver)).toEqual(["completed", "failed", "cancelled"]);
  });

  test("is the only place that writes a request's status, but for its beginning", async () => {
    const sources = import.meta.glob<string>("../../convex/*.ts", { query: "?raw", import: "default" });
    const writers: string[] = [];
    for (const [path, load] of Object.entries(sources)) {
      const source = await load();
      const writes = source.matchAll(/db\s*\.(insert|patch|replace)\(\s*"requests",(?<rest>[^;]*);/g);
      for (const { 1: how, groups } of writes) {
        if (/\bstatus\b|\.\.\.(?!settled)/.test(groups?.rest ?? ""))
          writers.push(`${path.split("/").at(-1)} ${how}`);
      }
      // The table is always named, so that the search above finds every write.
      expect(source, path).not.toMatch(/db\s*\.(patch|replace|delete)\(\s*[^"\s]/);
    }
    expect(writers.sort()).toEqual(["filing.ts insert", "lifecycle.ts patch"]);
  });
});

/**
 * What may be done to a request, in which states it works, and what becomes of it (if not `to`: it stays as it is);
 * elsewhere it fails and changes nothing.
 */
const OPERATIONS: Record<string, { works: Status[]; to?: Status; run: (r: Ready) => Promise<unknown> }> = {
  claim: {
    works: ["pending"],
    to: "inFlight",
    run: async ({ w }) => {
      const got = await w.mutation(api.requests.claim, {
        workerId: "kitchen",
        incarnation: "start-1",
        token: "another-token",
      });
      // Nothing to claim is no error.
      if (got === null) await expectNothing();
    },
  },
  cancel: {
    works: ["pending", "inFlight", "needsInput", "cancelled"],
    to: "cancelled",
    run: ({ p, requestId }) => p.mutation(api.requests.cancel, { requestId }),
  },
  edit: {
    works: ["pending", "needsInput"],
    run: ({ p, requestId }) => p.mutation(api.requests.edit, { requestId, text: "Order tulips" }),
  },
  callAt: {
    works: ["pending"],
    run: ({ p, requestId }) => p.mutation(api.requests.callAt, { requestId, at: soon() }),
  },
  callAgain: {
    works: ["completed", "failed", "cancelled"],
    run: ({ p, requestId }) => p.mutation(api.requests.callAgain, { requestId }),
  },
  answer: {
    works: ["needsInput"],
    to: "pending",
    run: ({ p, requestId }) => p.mutation(api.questions.answer, { id: requestId, text: "Sixty dollars" }),
  },
  setStage: {
    works: ["inFlight"],
    to: "inFlight",
    run: ({ w, requestId, token }) =>
      w.mutation(api.requests.setStage, { requestId, token, stage: "planning" }),
  },
  saveContext: {
    works: ["inFlight"],
    to: "inFlight",
    run: ({ w, requestId, token }) => w.mutation(api.requests.saveContext, { requestId, token, facts: [] }),
  },
  writePlan: {
    works: ["inFlight"],
    to: "inFlight",
    run: ({ w, requestId, token }) =>
      w.mutation(api.requests.writePlan, { requestId, token, text: "A plan", done: true }),
  },
  saveNumber: {
    works: ["inFlight"],
    to: "inFlight",
    run: ({ w, requestId, token }) =>
      w.mutation(api.requests.saveNumber, {
        requestId,
        token,
        number: { phone: "+14155550134", source: "contact" },
      }),
  },
  material: {
    works: ["inFlight"],
    to: "inFlight",
    run: ({ w, requestId, token }) => w.query(api.requests.material, { requestId, token }),
  },
  ask: {
    works: ["inFlight"],
    to: "needsInput",
    run: ({ w, requestId, token }) =>
      w.mutation(api.requests.ask, { requestId, token, question: "Which budget?", deadline: soon() }),
  },
  needInput: {
    works: ["inFlight"],
    to: "needsInput",
    run: ({ w, requestId, token }) =>
      w.mutation(api.requests.needInput, {
        requestId,
        token,
        question: "Which budget?",
        deadline: soon(),
        summary: "They ask for a budget.",
      }),
  },
  release: {
    works: ["inFlight"],
    to: "pending",
    run: ({ w, requestId, token }) =>
      w.mutation(api.requests.release, { requestId, token, reason: "draining" }),
  },
  complete: {
    works: ["inFlight"],
    to: "completed",
    run: ({ w, requestId, token }) =>
      w.mutation(api.requests.finish, { requestId, token, status: "completed", outcome: done() }),
  },
  fail: {
    works: ["inFlight"],
    to: "failed",
    run: ({ w, requestId, token }) =>
      w.mutation(api.requests.finish, {
        requestId,
        token,
        status: "failed",
        outcome: { kind: "noAnswer", summary: "Nobody picked up.", reported: [] },
      }),
  },
  begin: {
    works: ["inFlight"],
    to: "inFlight",
    run: ({ w, requestId, token }) => begin(w, { requestId, token }),
  },
  offer: {
    works: ["inFlight"],
    to: "inFlight",
    run: ({ w, requestId, token }) =>
      w.mutation(api.facts.offer, { requestId, token, facts: [{ text: "Opens at 8", lines: [] }] }),
  },
};

const CASES = Object.entries(OPERATIONS).flatMap(([name, operation]) =>
  STATUSES.map((from) => ({ name, from, operation })),
);

describe("every operation in every state", () => {
  test.each(CASES)("$name when $from", async ({ from, operation }) => {
    const t = floyd();
    const ready = await requestIn(t, from);
    const before = await requestRow(t, ready.requestId);
    if (operation.works.includes(from)) {
      await operation.run(ready);
      expect((await requestRow(t, ready.requestId)).status).toBe(operation.to ?? from);
    } else {
      await expect(operation.run(ready)).rejects.toThrow();
      expect(await requestRow(t, ready.requestId)).toEqual(before);
    }
  });
});

type Ready = { p: Caller; w: Caller; requestId: Id<"requests">; token: string };

/** A request brought into a state the way it gets there in life. */
async function requestIn(t: Floyd, status: Status): Promise<Ready> {
  const p = await person(t);
  const w = await worker(t);
  const requestId = await p.mutation(api.requests.create, { text: "Order flowers" });
  const token = "token-1";
  const ready = { p, w, requestId, token };
  if (status === "pending") return ready;
  await w.mutation(api.requests.claim, { workerId: "kitchen", incarnation: "start-1", token });
  const way: Record<Exclude<Status, "pending" | "inFlight">, string> = {
    needsInput: "ask",
    completed: "complete",
    failed: "fail",
    cancelled: "cancel",
  };
  if (status !== "inFlight") await OPERATIONS[way[status]]?.run(ready);
  // A repetition by the worker that ended the lease is harmless by design (see idempotency.test.ts); here
  // the question is what a state permits, so somebody else's token is used.
  return status === "inFlight" ? ready : { ...ready, token: "a-stale-token" };
}

async function expectNothing(): Promise<never> {
  throw new Error("nothing was claimed");
}

function soon(): number {
  return Date.now() + 60_000;
}
