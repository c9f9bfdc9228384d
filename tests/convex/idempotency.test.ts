// @vitest-environment edge-runtime
import { describe, expect, test } from "vitest";
import { api } from "../../convex/_generated/api";
import type { TableNames } from "../../convex/_generated/dataModel";
import schema from "../../convex/schema";
import {
  begin,
  claim,
  done,
  expectFailure,
  type Floyd,
  floyd,
  inFlight,
  line,
  onCall,
  service,
} from "./floyd";

type Row = Record<string, unknown>;

/** Everything there is, but for the moments at which something was last touched or is due. */
async function state(t: Floyd): Promise<Record<string, Row[]>> {
  const moments = ["updatedAt", "heartbeatAt", "expiresAt"];
  return t.run(async (ctx) => {
    const tables: Record<string, Row[]> = {};
    for (const name of Object.keys(schema.tables) as TableNames[]) {
      const rows: Row[] = await ctx.db.query(name).collect();
      tables[name] = rows.map((row) =>
        Object.fromEntries(Object.entries(row).filter(([k]) => !moments.includes(k))),
      );
    }
    tables.scheduled = (await ctx.db.system.query("_scheduled_functions").collect()).map(
      ({ name, args }) => ({
        name,
        args,
      }),
    );
    return tables;
  });
}

/** Run it twice: the second run changes nothing and returns the same. */
async function twice<T>(t: Floyd, run: () => Promise<T>): Promise<T> {
  const before = await state(t);
  const first = await run();
  const after = await state(t);
  expect(after, "the first run does something").not.toEqual(before);
  expect(await run()).toEqual(first);
  expect(await state(t)).toEqual(after);
  return first;
}

const soon = () => Date.now() + 60_000;

describe("every mutation of a worker, run twice", () => {
  test("workers:register", async () => {
    const t = floyd();
    const started = { workerId: "kitchen", incarnation: "start-1", version: "0.1.0", maxCalls: 20 };
    await twice(t, () => service(t).mutation(api.workers.register, started));
  });

  test("requests:claim", async () => {
    const t = floyd();
    const { p, w } = await inFlight(t);
    await p.mutation(api.requests.create, { text: "A second" });
    await p.mutation(api.requests.create, { text: "A third" });
    await twice(t, () => claim(w, "token-2"));
  });

  test("workers:heartbeat", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    const beat = { workerId: "kitchen", incarnation: "start-1", status: "draining" as const, calls: 1 };
    await twice(t, () => w.mutation(api.workers.heartbeat, { ...beat, leases: [{ requestId, token }] }));
  });

  test("requests:setStage, writePlan, saveNumber, saveContext", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    const factId = await p.mutation(api.facts.add, { text: "Class 4B" });
    const facts = [{ factId, text: "Class 4B", sharing: "free" as const }];
    const number = { phone: "+1 (415) 555-0134", source: "contact" as const, name: "School" };
    await twice(t, () => w.mutation(api.requests.setStage, { requestId, token, stage: "planning" }));
    await twice(t, () => w.mutation(api.requests.writePlan, { requestId, token, text: "Say", done: false }));
    await twice(t, () =>
      w.mutation(api.requests.writePlan, { requestId, token, text: "Say it", done: true }),
    );
    await twice(t, () => w.mutation(api.requests.saveNumber, { requestId, token, number }));
    await twice(t, () => w.mutation(api.requests.saveContext, { requestId, token, facts }));
  });

  test("a part of the plan that is repeated after the whole changes nothing", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    await w.mutation(api.requests.writePlan, { requestId, token, text: "Say it", done: true });
    await w.mutation(api.requests.writePlan, { requestId, token, text: "Say", done: false });
    expect(await p.query(api.requests.get, { requestId })).toMatchObject({ plan: "Say it", planDone: true });
  });

  test("requests:ask before a call", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    const deadline = soon();
    await twice(t, () => w.mutation(api.requests.ask, { requestId, token, question: "Which?", deadline }));
  });

  test("requests:ask during a call", async () => {
    const t = floyd();
    const { w, requestId, token, callId } = await onCall(t);
    const asked = { requestId, token, callId, question: "Which?", deadline: soon() };
    await twice(t, () => w.mutation(api.requests.ask, asked));
  });

  test("requests:needInput", async () => {
    const t = floyd();
    const { w, requestId, token, callId } = await onCall(t);
    await w.mutation(api.calls.end, { callId, token, endReason: "call-back" });
    const asked = { requestId, token, question: "Which?", deadline: soon(), summary: "They asked which." };
    await twice(t, () => w.mutation(api.requests.needInput, asked));
  });

  test("requests:release", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    await twice(t, () => w.mutation(api.requests.release, { requestId, token, reason: "draining" }));
  });

  test("requests:finish", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    const end = { requestId, token, status: "completed" as const, outcome: done() };
    await twice(t, () => w.mutation(api.requests.finish, end));
  });

  test("one end repeated as another is LEASE_LOST", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    await w.mutation(api.requests.release, { requestId, token, reason: "draining" });
    const finish = w.mutation(api.requests.finish, { requestId, token, status: "failed", outcome: done() });
    await expectFailure(finish, "LEASE_LOST", "token");
  });

  test("calls:begin, dialed, carrierStatus, disclosed, recorded, end", async () => {
    const t = floyd();
    const { w, requestId, token } = await inFlight(t);
    const { callId } = await twice(t, () => begin(w, { requestId, token }));
    await twice(t, () => w.mutation(api.calls.dialed, { callId, token, callSid: "CA1" }));
    for (const status of ["ringing", "answered"] as const) {
      const callback = { callId, callSid: "CA1", status, at: Date.now() };
      await twice(t, () => w.mutation(api.calls.carrierStatus, callback));
    }
    await twice(t, () => w.mutation(api.calls.disclosed, { callId, token, at: Date.now() }));
    await twice(t, () => w.mutation(api.calls.recorded, { callId, token, file: `${callId}.wav` }));
    await twice(t, () => w.mutation(api.calls.end, { callId, token, endReason: "done" }));
  });

  test("calls:openMedia is refused the second time, and changes nothing", async () => {
    const t = floyd();
    const { w, callId, callSid } = await onCall(t);
    await w.mutation(api.calls.openMedia, { callId, callSid, tokenHash: "hash-1" });
    const after = await state(t);
    const again = w.mutation(api.calls.openMedia, { callId, callSid, tokenHash: "hash-1" });
    await expectFailure(again, "FORBIDDEN", "tokenHash");
    expect(await state(t)).toEqual(after);
  });

  test("calls:resolveOrphan", async () => {
    const t = floyd();
    const { p, w, requestId, callId } = await onCall(t);
    await p.mutation(api.requests.cancel, { requestId });
    await twice(t, () => w.mutation(api.calls.resolveOrphan, { callId, endReason: "hung-up" }));
  });

  test("transcript:append, live:set, turns:record, disclosures:record", async () => {
    const t = floyd();
    const { p, w, callId, token } = await onCall(t);
    const factId = await p.mutation(api.facts.add, { text: "Class 4B" });
    const items = [{ factId, text: "Class 4B", seq: 1 }];
    const turns = [{ turn: 0, speechEndedAt: Date.now(), firstAudio: 640, interrupted: false }];
    await twice(t, () => w.mutation(api.transcript.append, { callId, token, lines: [line(0), line(1)] }));
    await twice(t, () => w.mutation(api.live.set, { callId, token, speaker: "callee", text: "Linc" }));
    await twice(t, () => w.mutation(api.live.set, { callId, token, speaker: "callee", text: "" }));
    await twice(t, () => w.mutation(api.turns.record, { callId, token, turns }));
    await twice(t, () => w.mutation(api.disclosures.record, { callId, token, items }));
  });

  test("calls:saveUsage", async () => {
    const t = floyd();
    const { w, callId, token } = await onCall(t);
    const used = { promptTokens: 900, completionTokens: 80, speechChars: 400 };
    const usage = { ...used, recognisedSeconds: 21.5, seconds: 42 };
    await twice(t, () => w.mutation(api.calls.saveUsage, { callId, token, usage }));
  });

  test("calls:ownerGone", async () => {
    const t = floyd();
    const { p, w, callId, callSid, token } = await onCall(t);
    await w.mutation(api.calls.openMedia, { callId, callSid, tokenHash: "hash-1" });
    await p.mutation(api.calls.takeOver, { callId });
    await twice(t, () => w.mutation(api.calls.ownerGone, { callId, token }));
  });

  test("hints:taken", async () => {
    const t = floyd();
    const { p, w, callId, token } = await onCall(t);
    await p.mutation(api.calls.hint, { callId, text: "Be brief" });
    const [call] = (await w.query(api.workers.inbox, { workerId: "kitchen" })).calls;
    const hintIds = call?.hints.map(({ hintId }) => hintId) ?? [];
    await twice(t, () => w.mutation(api.hints.taken, { callId, token, hintIds }));
  });

  test("facts:offer", async () => {
    const t = floyd();
    const { w, requestId, token, callId } = await onCall(t);
    const facts = [{ text: "The office opens at 8", lines: [] }];
    await twice(t, () => w.mutation(api.facts.offer, { requestId, token, callId, facts }));
  });

  test("messages:receive, messages:sent", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    await p.mutation(api.users.update, { phone: "+14155550100" });
    await w.mutation(api.requests.ask, {
      requestId,
      token,
      callId,
      question: "Which class?",
      deadline: soon(),
    });
    const [queued] = await w.query(api.messages.outbox, {});
    if (queued === undefined) throw new Error("no message was queued");
    await twice(t, () => w.mutation(api.messages.sent, { messageId: queued.messageId, sid: "SM1" }));
    const reply = { from: "+14155550100", to: "+14155550199", body: "4B", sid: "SM2" };
    expect(await twice(t, () => w.mutation(api.messages.receive, reply))).toEqual({ answered: true });
  });
});
