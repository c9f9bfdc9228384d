// @vitest-environment edge-runtime
import { describe, expect, test } from "vitest";
import { api, internal } from "../../convex/_generated/api";
import type { Doc, Id } from "../../convex/_generated/dataModel";
import { MAX_LINES_PER_CALL } from "../../convex/input";
import {
  type Caller,
  claim,
  done,
  expectFailure,
  type Floyd,
  floyd,
  line,
  onCall,
  person,
  worker,
} from "./floyd";

type Show = "active" | "waiting" | "done" | "failed";
type Filter = { search?: string; show?: Show };

async function texts(p: Caller, filter: Filter = {}): Promise<string[]> {
  const paginationOpts = { numItems: 50, cursor: null };
  const { page } = await p.query(api.requests.list, { paginationOpts, ...filter });
  return page.map(({ text }) => text);
}

/** One request in each state, named by it. */
async function oneOfEach(t: Floyd, name = "alex") {
  const p = await person(t, name);
  const w = await worker(t);
  const ids: Record<string, Id<"requests">> = {};
  const file = async (text: string) => {
    const requestId = await p.mutation(api.requests.create, { text });
    ids[text] = requestId;
    return requestId;
  };
  const taken = async (text: string) => {
    const requestId = await file(text);
    const token = `${name}-${text.replaceAll(" ", "-")}`;
    await claim(w, token);
    return { requestId, token };
  };
  const end = { outcome: done() };
  await w.mutation(api.requests.finish, { ...(await taken("call done")), ...end, status: "completed" });
  await w.mutation(api.requests.finish, { ...(await taken("call failed")), ...end, status: "failed" });
  const asked = { question: "Which?", deadline: Date.now() + 60_000 };
  await w.mutation(api.requests.ask, { ...(await taken("call asking")), ...asked });
  const running = await taken("call running");
  await p.mutation(api.requests.cancel, { requestId: await file("call cancelled") });
  await file("call pending");
  return { p, w, ids, running };
}

describe("the list of requests", () => {
  test("can be narrowed to where they stand", async () => {
    const t = floyd();
    const { p } = await oneOfEach(t);
    expect(await texts(p, { show: "active" })).toEqual(["call pending", "call running"]);
    expect(await texts(p, { show: "waiting" })).toEqual(["call asking"]);
    expect(await texts(p, { show: "done" })).toEqual(["call done"]);
    expect(await texts(p, { show: "failed" })).toEqual(["call cancelled", "call failed"]);
    expect(await texts(p)).toHaveLength(6);
  });

  test("follows a request from one to the next", async () => {
    const t = floyd();
    const { p, w, ids, running } = await oneOfEach(t);
    const standing = async () => {
      const found: Show[] = [];
      for (const show of ["active", "waiting", "done", "failed"] as const) {
        if ((await texts(p, { show })).includes("call running")) found.push(show);
      }
      return found;
    };
    expect(await standing()).toEqual(["active"]);
    const asked = { question: "Which?", deadline: Date.now() + 60_000 };
    await w.mutation(api.requests.ask, { ...running, ...asked });
    expect(await standing()).toEqual(["waiting"]);
    const requestId = ids["call running"] ?? running.requestId;
    await p.mutation(api.questions.answer, { id: requestId, text: "This" });
    expect(await standing()).toEqual(["active"]);
    await p.mutation(api.requests.cancel, { requestId });
    expect(await standing()).toEqual(["failed"]);
  });

  test("can be searched, the narrowed one too", async () => {
    const p = await person(floyd());
    for (const text of ["Call the school", "Order flowers", "Ask the SCHOOL about lunch"]) {
      await p.mutation(api.requests.create, { text });
    }
    const school = ["Ask the SCHOOL about lunch", "Call the school"];
    expect((await texts(p, { search: "school" })).sort()).toEqual(school);
    expect((await texts(p, { search: " scho " })).sort()).toEqual(school);
    expect((await texts(p, { search: "school", show: "active" })).sort()).toEqual(school);
    expect(await texts(p, { search: "school", show: "done" })).toEqual([]);
    expect(await texts(p, { search: "dentist" })).toEqual([]);
    // Nothing typed is no search.
    expect(await texts(p, { search: "  " })).toHaveLength(3);
    const long = { paginationOpts: { numItems: 5, cursor: null }, search: "x".repeat(201) };
    await expectFailure(p.query(api.requests.list, long), "BAD_INPUT", "search");
  });

  test("has nothing of another's, whatever is looked for", async () => {
    const t = floyd();
    await oneOfEach(t);
    const eve = await person(t, "eve");
    for (const show of [undefined, "active", "waiting", "done", "failed"] as const) {
      expect(await texts(eve, show && { show })).toEqual([]);
      expect(await texts(eve, { search: "call", ...(show && { show }) })).toEqual([]);
    }
  });

  test.each<Filter>([{}, { show: "active" }])(
    "is complete page by page while requests come, end and change (%j)",
    async (filter) => {
      const t = floyd();
      const p = await person(t);
      const ids = [];
      for (let i = 0; i < 25; i++) ids.push(await p.mutation(api.requests.create, { text: `Old ${i}` }));
      const seen: Doc<"requests">[] = [];
      let cursor: string | null = null;
      for (let round = 0; ; round++) {
        const paginationOpts = { numItems: 4, cursor };
        const page: { page: Doc<"requests">[]; isDone: boolean; continueCursor: string } = await p.query(
          api.requests.list,
          { paginationOpts, ...filter },
        );
        seen.push(...page.page);
        if (page.isDone) break;
        cursor = page.continueCursor;
        // Between two pages: one comes, one that was seen is cancelled, one that was not is edited.
        await p.mutation(api.requests.create, { text: `New ${round}` });
        const shown = seen.at(-1);
        if (shown !== undefined) await p.mutation(api.requests.cancel, { requestId: shown._id });
        const first = ids[0];
        if (first !== undefined)
          await p.mutation(api.requests.edit, { requestId: first, text: "Old 0, edited" });
      }
      expect(seen.map(({ _id }) => _id)).toEqual(ids.toReversed());
      expect(seen.at(-1)?.text).toBe("Old 0, edited");
    },
  );

  test("knows requests of earlier versions once they were completed", async () => {
    const t = floyd();
    const { p, ids } = await oneOfEach(t);
    await t.run(async (ctx) => {
      for (const id of Object.values(ids)) await ctx.db.patch("requests", id, { standing: undefined });
    });
    expect(await texts(p)).toHaveLength(6);
    expect(await texts(p, { show: "active" })).toEqual([]);
    await t.mutation(internal.upgrade.standings, {});
    expect(await texts(p, { show: "active" })).toEqual(["call pending", "call running"]);
    expect(await texts(p, { show: "failed" })).toEqual(["call cancelled", "call failed"]);
  });
});

describe("the transcript of a long call", () => {
  const LINES = 2_000;

  async function longCall(t: Floyd) {
    const call = await onCall(t);
    const { callId, requestId } = call;
    const { userId } = await call.p.query(api.requests.get, { requestId });
    await t.run(async (ctx) => {
      for (let seq = 0; seq < LINES; seq++) {
        await ctx.db.insert("transcript", { callId, requestId, userId, ...line(seq) });
      }
    });
    return call;
  }

  test("is reached to its first line, newest first, while the call goes on", async () => {
    const t = floyd();
    const { p, w, callId, token } = await longCall(t);
    const seqs: number[] = [];
    let cursor: string | null = null;
    let spoken = LINES;
    for (;;) {
      const paginationOpts = { numItems: 300, cursor };
      const page: { page: Doc<"transcript">[]; isDone: boolean; continueCursor: string } = await p.query(
        api.transcript.list,
        { callId, paginationOpts },
      );
      expect(page.page.length).toBeLessThanOrEqual(300);
      seqs.push(...page.page.map(({ seq }) => seq));
      if (page.isDone) break;
      cursor = page.continueCursor;
      await w.mutation(api.transcript.append, { callId, token, lines: [line(spoken++)] });
    }
    expect(seqs).toEqual(Array.from({ length: LINES }, (_, i) => LINES - 1 - i));
    expect(LINES).toBeLessThan(MAX_LINES_PER_CALL);
  });

  test("is shown to as many lines as a client wants, and the words being spoken beside it or with it", async () => {
    const t = floyd();
    const { p, w, requestId, callId, token } = await longCall(t);
    await w.mutation(api.live.set, { callId, token, speaker: "callee", text: "And then" });
    const show = (args: { lines?: number; live?: boolean }) =>
      p.query(api.requests.show, { requestId, ...args });
    const seqs = async (lines?: number) => (await show({ lines })).transcript.map(({ seq }) => seq);
    expect(await seqs(3)).toEqual([1997, 1998, 1999]);
    expect(await seqs(0)).toEqual([]);
    expect(await seqs()).toHaveLength(1_000);
    expect(await seqs(5_000)).toHaveLength(1_000);
    await expectFailure(show({ lines: -1 }), "BAD_INPUT", "lines");
    expect((await show({})).live).toMatchObject([{ text: "And then" }]);
    expect((await show({ live: false })).live).toEqual([]);
    expect(await p.query(api.live.list, { requestId })).toMatchObject([{ text: "And then" }]);
    const eve = await person(t, "eve");
    await expectFailure(eve.query(api.live.list, { requestId }), "NOT_FOUND", "requestId");
  });

  test("of one's own alone", async () => {
    const t = floyd();
    const { callId } = await onCall(t);
    const eve = await person(t, "eve");
    const paginationOpts = { numItems: 10, cursor: null };
    await expectFailure(eve.query(api.transcript.list, { callId, paginationOpts }), "NOT_FOUND", "callId");
  });
});
