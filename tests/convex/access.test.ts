// @vitest-environment edge-runtime
import { beforeAll, describe, expect, test } from "vitest";
import { api } from "../../convex/_generated/api";
import {
  type Caller,
  expectFailure,
  type Floyd,
  floyd,
  ISSUER,
  onCall,
  person,
  service,
  stranger,
} from "./floyd";

const sources = import.meta.glob<Record<string, unknown>>([
  "../../convex/*.ts",
  "!**/*.d.ts",
  "!**/auth.config.ts",
]);

type Registered = {
  isQuery?: true;
  isMutation?: true;
  isAction?: true;
  isPublic?: true;
  isInternal?: true;
  exportArgs(): string;
  exportReturns(): string;
};

/** Who may call what. A new public function fails these tests until it is listed. */
const FOR_PEOPLE = new Set(
  (
    "users:ensure users:me users:update requests:create requests:get requests:list requests:show " +
    "requests:cancel requests:edit requests:callAt requests:callAgain transcript:list live:list calls:hint calls:takeOver " +
    "calls:handBack calls:hangUp calls:access calls:ringing contacts:importMany questions:answer questions:open facts:list facts:add facts:addMany facts:update " +
    "facts:remove facts:accept facts:reject contacts:list contacts:add contacts:update contacts:remove " +
    "contacts:preview contacts:countries facts:evidence facts:restore " +
    "signIn:sessions signIn:revoke"
  ).split(" "),
);
const FOR_WORKERS = new Set(
  (
    "requests:pending requests:claim requests:material requests:setStage requests:saveContext " +
    "requests:writePlan requests:saveNumber requests:ask requests:needInput requests:release requests:finish " +
    "workers:register workers:heartbeat workers:inbox calls:begin calls:dialed calls:carrierStatus " +
    "calls:openMedia calls:end calls:disclosed calls:recorded calls:orphans calls:resolveOrphan transcript:append live:set " +
    "calls:saveUsage calls:ownerGone hints:taken " +
    "turns:record disclosures:record facts:offer messages:receive messages:outbox messages:sent " +
    "signIn:offer signIn:redeem signIn:renew signIn:end"
  ).split(" "),
);
const FOR_OPERATORS = new Set("workers:list workers:drain".split(" "));

let registered: Map<string, Registered>;
let t: Floyd;
let args: Record<string, unknown>;

beforeAll(async () => {
  registered = new Map();
  for (const [path, load] of Object.entries(sources)) {
    const file = path.replace(/^.*\/|\.ts$/g, "");
    for (const [name, value] of Object.entries(await load())) {
      if (typeof value === "function" && ("isPublic" in value || "isInternal" in value)) {
        registered.set(`${file}:${name}`, value as unknown as Registered);
      }
    }
  }
  t = floyd();
  const { p, requestId, token, callId, callSid } = await onCall(t);
  const factId = await p.mutation(api.facts.add, { text: "A fact" });
  const contactId = await p.mutation(api.contacts.add, { name: "School", phone: "+14155550134" });
  // One value for every argument name that functions use, so that each can be called with valid arguments.
  args = {
    requestId,
    token,
    callId,
    callSid,
    factId,
    contactId,
    id: requestId,
    messageId: await t.run((ctx) =>
      ctx.db.insert("messages", { direction: "out", status: "queued", to: "+14155550100", body: "?" }),
    ),
    fact: { text: "A fact", sharing: "free", source: "owner", status: "accepted" },
    text: "text",
    name: "name",
    phone: "+14155550134",
    question: "Why?",
    summary: "summary",
    reason: "reason",
    endReason: "done",
    file: "recording.wav",
    deadline: Date.now() + 1000,
    at: Date.now(),
    done: true,
    stage: "planning",
    status: {
      "requests:finish": "completed",
      "workers:heartbeat": "running",
      "calls:carrierStatus": "ringing",
    },
    outcome: { kind: "done", summary: "summary", reported: [] },
    number: { phone: "+14155550134", source: "contact" },
    speaker: "floyd",
    facts: [],
    lines: [],
    turns: [],
    items: [],
    leases: [],
    hintIds: [],
    contacts: [],
    usage: { promptTokens: 1, completionTokens: 1, speechChars: 1, recognisedSeconds: 1, seconds: 1 },
    drain: true,
    calls: 0,
    maxCalls: 1,
    version: "1",
    workerId: "kitchen",
    incarnation: "start-1",
    mediaTokenHash: "hash",
    tokenHash: "hash",
    codeHash: "a".repeat(64),
    secretHash: "b".repeat(64),
    subject: "person:alex",
    operator: false,
    sessionId: await t.run((ctx) =>
      ctx.db.insert("sessions", {
        secretHash: "c".repeat(64),
        subject: "person:sam",
        operator: false,
        usedAt: 0,
        expiresAt: 0,
      }),
    ),
    to: "+14155550134",
    from: "+14155550100",
    body: "body",
    sid: "SM1",
    paginationOpts: { numItems: 1, cursor: null },
  };
});

function publicFunctions(): [string, Registered][] {
  return [...registered].filter(([, fn]) => fn.isPublic);
}

/** Call a public function by name, with the required arguments. */
async function call(
  caller: Pick<Caller, "query" | "mutation">,
  path: string,
  fn: Registered,
): Promise<unknown> {
  const [file = "", name = ""] = path.split(":");
  const shape = JSON.parse(fn.exportArgs()) as { value: Record<string, { optional: boolean }> };
  const given: Record<string, unknown> = {};
  for (const [argument, { optional }] of Object.entries(shape.value)) {
    if (optional) continue;
    expect(args, `${path} takes ${argument}`).toHaveProperty(argument);
    const value = args[argument];
    given[argument] = argument === "status" ? (value as Record<string, string>)[path] : value;
  }
  // biome-ignore lint/suspicious/noExplicitAny: functions are named by their path here
  const reference = (api as any)[file][name];
  return fn.isQuery ? caller.query(reference, given) : caller.mutation(reference, given);
}

describe("who may call what", () => {
  test("every public function is listed as for people or for workers", () => {
    const names = publicFunctions().map(([path]) => path);
    expect(names.sort()).toEqual([...FOR_PEOPLE, ...FOR_WORKERS, ...FOR_OPERATORS].sort());
  });

  test("every function, public or internal, has validators for arguments and result", () => {
    expect(registered.size).toBeGreaterThan(50);
    for (const [path, fn] of registered) {
      if (!fn.isQuery && !fn.isMutation && !fn.isAction) continue;
      expect(JSON.parse(fn.exportArgs()), path).toMatchObject({ type: "object" });
      expect(JSON.parse(fn.exportReturns()), path).not.toMatchObject({ type: "any" });
      expect(fn.exportReturns(), path).not.toBe("null");
    }
  });

  test("nothing without an identity", async () => {
    for (const [path, fn] of publicFunctions()) await expectFailure(call(t, path, fn), "UNAUTHENTICATED");
  });

  test("nothing of the workers' with a person's token", async () => {
    const caller = stranger(t, "alex");
    for (const [path, fn] of publicFunctions()) {
      if (FOR_WORKERS.has(path)) await expectFailure(call(caller, path, fn), "FORBIDDEN");
    }
  });

  test("nothing of the people's or the operators' with a worker's token", async () => {
    for (const [path, fn] of publicFunctions()) {
      if (!FOR_WORKERS.has(path)) await expectFailure(call(service(t), path, fn), "FORBIDDEN");
    }
  });

  test("the sub and the role make a worker, and only from Floyd's own issuer", async () => {
    const noRole = t.withIdentity({ issuer: ISSUER, subject: "worker" });
    await expectFailure(noRole.query(api.requests.pending, {}), "FORBIDDEN");
    const roleOfPerson = t.withIdentity({ issuer: ISSUER, subject: "person:eve", role: "service" });
    await expectFailure(roleOfPerson.query(api.requests.pending, {}), "FORBIDDEN");
    const elsewhere = t.withIdentity({ issuer: "https://clerk.example", subject: "worker", role: "service" });
    await expectFailure(elsewhere.query(api.requests.pending, {}), "FORBIDDEN");
    const nobody = t.withIdentity({ issuer: ISSUER, subject: "somebody" });
    await expectFailure(nobody.query(api.users.me, {}), "FORBIDDEN");
  });

  test("somebody whom another provider vouches for is a person", async () => {
    const caller = t.withIdentity({ issuer: "https://clerk.example", subject: "user_2x", name: "Kim" });
    await caller.mutation(api.users.ensure, {});
    expect(await caller.query(api.users.me, {})).toMatchObject({ name: "Kim" });
  });

  test("a person who was never here is told to sign in first", async () => {
    const newcomer = stranger(t, "newcomer");
    expect(await newcomer.query(api.users.me, {})).toBeNull();
    const message = await expectFailure(
      newcomer.mutation(api.requests.create, { text: "Hi" }),
      "NOT_FOUND",
      "user",
    );
    expect(message).toContain("users:ensure");
  });
});

describe("a person sees only what is theirs", () => {
  test("another's requests, questions, facts and contacts do not exist", async () => {
    const t = floyd();
    const { w, p, requestId, token, callId } = await onCall(t);
    const factId = await p.mutation(api.facts.add, { text: "Allergic to nuts" });
    const contactId = await p.mutation(api.contacts.add, { name: "School", phone: "+14155550134" });
    const questionId = await w.mutation(api.requests.ask, {
      requestId,
      token,
      question: "Which class?",
      deadline: Date.now() + 60_000,
      callId,
    });
    const eve = await person(t, "eve");
    await expectFailure(eve.query(api.requests.get, { requestId }), "NOT_FOUND", "requestId");
    await expectFailure(eve.query(api.requests.show, { requestId }), "NOT_FOUND", "requestId");
    await expectFailure(eve.mutation(api.requests.cancel, { requestId }), "NOT_FOUND", "requestId");
    await expectFailure(
      eve.mutation(api.questions.answer, { id: questionId, text: "4B" }),
      "NOT_FOUND",
      "id",
    );
    await expectFailure(eve.mutation(api.questions.answer, { id: requestId, text: "4B" }), "NOT_FOUND", "id");
    await expectFailure(eve.mutation(api.facts.update, { factId, sharing: "free" }), "NOT_FOUND", "factId");
    await expectFailure(eve.mutation(api.facts.remove, { factId }), "NOT_FOUND", "factId");
    await expectFailure(eve.mutation(api.facts.accept, { factId }), "NOT_FOUND", "factId");
    await expectFailure(eve.mutation(api.facts.reject, { factId }), "NOT_FOUND", "factId");
    await expectFailure(
      eve.mutation(api.contacts.update, { contactId, name: "X" }),
      "NOT_FOUND",
      "contactId",
    );
    await expectFailure(eve.mutation(api.contacts.remove, { contactId }), "NOT_FOUND", "contactId");
    expect(await eve.query(api.facts.list, {})).toEqual([]);
    expect(await eve.query(api.contacts.list, {})).toEqual([]);
    expect(await eve.query(api.questions.open, {})).toEqual([]);
    const opts = { paginationOpts: { numItems: 10, cursor: null } };
    expect((await eve.query(api.requests.list, opts)).page).toEqual([]);
    expect((await p.query(api.requests.list, opts)).page).toHaveLength(1);
    expect(await p.query(api.questions.open, {})).toMatchObject([{ _id: questionId, text: "Which class?" }]);
  });

  test("the same idempotency key of two people makes two requests", async () => {
    const t = floyd();
    const alex = await person(t, "alex");
    const eve = await person(t, "eve");
    const wanted = { text: "Call the school", idempotencyKey: "monday" };
    const first = await alex.mutation(api.requests.create, wanted);
    expect(await alex.mutation(api.requests.create, wanted)).toBe(first);
    expect(await eve.mutation(api.requests.create, wanted)).not.toBe(first);
  });

  test("what only the worker needs is not shown", async () => {
    const t = floyd();
    const { p, requestId, token } = await onCall(t);
    const shown = JSON.stringify(await p.query(api.requests.show, { requestId }));
    expect(shown).not.toContain(token);
    expect(shown).not.toContain("hash-1");
  });
});
