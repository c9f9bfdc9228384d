// @vitest-environment edge-runtime
import { describe, expect, test } from "vitest";
import { api } from "../../convex/_generated/api";
import { MAX_CONTACTS, MAX_CONTACTS_AT_ONCE, MAX_FACTS, MAX_FACTS_AT_ONCE } from "../../convex/input";
import { begin, claim, expectFailure, floyd, inFlight, line, onCall, person, requestRow } from "./floyd";

describe("a fact marked `never`", () => {
  const SECRET = "The alarm code is 4711";

  test("reaches no worker, by any function, whenever it was marked", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    await p.mutation(api.facts.add, { text: SECRET, sharing: "never" });
    const freeId = await p.mutation(api.facts.add, { text: "Class 4B" });
    const askId = await p.mutation(api.facts.add, { text: "Mara has a fever", sharing: "ask" });
    const later = await p.mutation(api.facts.add, { text: "Home is 12 Elm Street" });
    const removed = await p.mutation(api.facts.add, { text: "The cat is called Tom" });
    const first = await w.query(api.requests.material, { requestId, token });
    expect(first.facts).toEqual([
      { factId: freeId, text: "Class 4B", sharing: "free" },
      { factId: askId, text: "Mara has a fever", sharing: "ask" },
      { factId: later, text: "Home is 12 Elm Street", sharing: "free" },
      { factId: removed, text: "The cat is called Tom", sharing: "free" },
    ]);
    await w.mutation(api.requests.saveContext, { requestId, token, facts: first.facts });
    // The owner thinks better of it after the facts were chosen.
    await p.mutation(api.facts.update, { factId: later, sharing: "never" });
    await p.mutation(api.facts.remove, { factId: removed });
    await w.mutation(api.requests.release, { requestId, token, reason: "draining" });
    const again = await claim(w, "token-2");
    const material = await w.query(api.requests.material, { requestId, token: "token-2" });
    const seen = JSON.stringify([
      again,
      material,
      await w.query(api.workers.inbox, { workerId: "kitchen" }),
      await w.query(api.requests.pending, {}),
    ]);
    expect(seen).toContain("Class 4B");
    expect(seen).not.toContain(SECRET);
    expect(seen).not.toContain("Elm Street");
    expect(seen).not.toContain("Tom");
  });

  test("cannot be chosen for a call", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    const factId = await p.mutation(api.facts.add, { text: SECRET, sharing: "never" });
    const save = (fact: { factId?: typeof factId; text: string; sharing: "free" | "never" }) =>
      w.mutation(api.requests.saveContext, { requestId, token, facts: [fact] });
    await expectFailure(save({ factId, text: SECRET, sharing: "free" }), "FORBIDDEN", "facts");
    await expectFailure(save({ text: SECRET, sharing: "never" }), "FORBIDDEN", "facts");
    expect((await requestRow(t, requestId)).context).toBeUndefined();
  });
});

describe("facts", () => {
  test("that are only offered or rejected are not used", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    await w.mutation(api.transcript.append, { callId, token, lines: [line(0), line(1)] });
    const offer = (...texts: string[]) =>
      w.mutation(api.facts.offer, {
        requestId,
        token,
        callId,
        facts: texts.map((text) => ({ text, lines: [1, 7] })),
      });
    await offer("The office opens at 8", "The teacher is Ms. Ortiz");
    const [first, second] = await p.query(api.facts.list, {});
    expect(first).toMatchObject({ status: "offered", sharing: "ask", source: "call", callId, lines: [1] });
    expect((await w.query(api.requests.material, { requestId, token })).facts).toEqual([]);
    if (first === undefined || second === undefined) throw new Error("two facts were offered");
    await p.mutation(api.facts.accept, { factId: first._id, sharing: "free" });
    await p.mutation(api.facts.reject, { factId: second._id });
    await offer("The office opens at 8", "The teacher is Ms. Ortiz");
    expect((await p.query(api.facts.list, {})).map(({ status }) => status)).toEqual(["accepted", "rejected"]);
    const { facts } = await w.query(api.requests.material, { requestId, token });
    expect(facts).toEqual([{ factId: first._id, text: "The office opens at 8", sharing: "free" }]);
  });

  test("of somebody else cannot be chosen or disclosed", async () => {
    const t = floyd();
    const { w, requestId, token, callId } = await onCall(t);
    const eve = await person(t, "eve");
    const factId = await eve.mutation(api.facts.add, { text: "Eve's fact" });
    const facts = [{ factId, text: "Eve's fact", sharing: "free" as const }];
    await expectFailure(
      w.mutation(api.requests.saveContext, { requestId, token, facts }),
      "NOT_FOUND",
      "facts",
    );
    const items = [{ factId, text: "Eve's fact", seq: 0 }];
    await expectFailure(w.mutation(api.disclosures.record, { callId, token, items }), "NOT_FOUND");
  });

  test("are imported once each", async () => {
    const p = await person(floyd());
    const facts = [{ text: "One" }, { text: "Two", sharing: "ask" as const }, { text: " One " }];
    const ids = await p.mutation(api.facts.addMany, { facts });
    expect(ids[2]).toBe(ids[0]);
    expect(await p.mutation(api.facts.addMany, { facts })).toEqual(ids);
    expect(await p.query(api.facts.list, {})).toMatchObject([
      { text: "One", sharing: "free", source: "import", status: "accepted" },
      { text: "Two", sharing: "ask" },
    ]);
  });

  test("have room for so many, and no more", async () => {
    const p = await person(floyd());
    const many = (from: number, count: number) =>
      p.mutation(api.facts.addMany, {
        facts: Array.from({ length: count }, (_, i) => ({ text: `Fact ${from + i}` })),
      });
    await expectFailure(many(0, MAX_FACTS_AT_ONCE + 1), "BAD_INPUT", "facts");
    for (let from = 0; from < MAX_FACTS; from += 100) await many(from, 100);
    await expectFailure(p.mutation(api.facts.add, { text: "One more" }), "BAD_INPUT", "facts");
  });

  test("are written down when they are told", async () => {
    const t = floyd();
    const { p, w, requestId, token, callId } = await onCall(t);
    const factId = await p.mutation(api.facts.add, { text: "Class 4B" });
    const items = [{ factId, text: "Class 4B", seq: 2 }];
    await w.mutation(api.disclosures.record, { callId, token, items });
    const { disclosures } = await p.query(api.requests.show, { requestId });
    expect(disclosures).toMatchObject([{ factId, to: "+14155550134", seq: 2 }]);
  });
});

describe("contacts", () => {
  test("are added, changed, given to the worker, and removed", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    const contactId = await p.mutation(api.contacts.add, {
      name: "Lincoln Elementary School",
      phone: "+1 (415) 555-0134",
      aliases: ["school"],
    });
    await p.mutation(api.contacts.update, { contactId, notes: "Ask for Dana" });
    const { contacts } = await w.query(api.requests.material, { requestId, token });
    expect(contacts).toMatchObject([{ phone: "+14155550134", aliases: ["school"], notes: "Ask for Dana" }]);
    await p.mutation(api.contacts.remove, { contactId });
    expect(await p.query(api.contacts.list, {})).toEqual([]);
  });

  test("with the same name and number are one", async () => {
    const p = await person(floyd());
    const school = { name: "School", phone: "+14155550134" };
    const contactId = await p.mutation(api.contacts.add, school);
    expect(await p.mutation(api.contacts.add, { ...school, aliases: ["the school"] })).toBe(contactId);
    expect(await p.query(api.contacts.list, {})).toMatchObject([{ aliases: ["the school"] }]);
  });
});

describe("an address book", () => {
  test("is imported as far as it can be, and the rest is told row by row", async () => {
    const p = await person(floyd());
    await p.mutation(api.users.update, { phone: "+14155550100" });
    await p.mutation(api.contacts.add, { name: "School", phone: "+14155550134", notes: "Ask for Dana" });
    const contacts = [
      { name: " Dentist\u0000 ", phone: "+1 (415) 555-0135", aliases: ["Dr. Lee"], notes: " " },
      { name: "School", phone: "+1 415 555 0134" },
      { name: "", phone: "+14155550136" },
      { name: "Police", phone: "911" },
      { name: "Me", phone: "+14155550100" },
      { name: "Aunt May", phone: "at home" },
      { name: "Dentist", phone: "+14155550135" },
      { name: "x".repeat(300), phone: "+14155550137" },
      { name: "Many", phone: "+14155550138", aliases: Array.from({ length: 50 }, () => "a") },
      { name: "Florist", phone: "+14155550139" },
    ];
    const { added, skipped } = await p.mutation(api.contacts.importMany, { contacts });
    expect(added).toBe(2);
    expect(skipped.map(({ row }) => row)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const [i, word] of [
      "already",
      "name",
      "emergency",
      "your own",
      "E.164",
      "already",
      "200",
      "aliases",
    ].entries()) {
      expect(skipped[i]?.reason).toContain(word);
    }
    expect(await p.query(api.contacts.list, {})).toMatchObject([
      { name: "School", notes: "Ask for Dana" },
      { name: "Dentist", phone: "+14155550135", aliases: ["Dr. Lee"] },
      { name: "Florist", phone: "+14155550139", aliases: [] },
    ]);
    const again = await p.mutation(api.contacts.importMany, { contacts });
    expect(again.added).toBe(0);
    expect(again.skipped).toHaveLength(contacts.length);
  });

  test("has room for so many, and is taken in so large a piece", async () => {
    const p = await person(floyd());
    const book = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ name: `Contact ${from + i}`, phone: "+14155550134" }));
    const all = (contacts: ReturnType<typeof book>) => p.mutation(api.contacts.importMany, { contacts });
    await expectFailure(all(book(0, MAX_CONTACTS_AT_ONCE + 1)), "BAD_INPUT", "contacts");
    expect((await all(book(0, MAX_CONTACTS - 1))).added).toBe(MAX_CONTACTS - 1);
    const { added, skipped } = await all(book(MAX_CONTACTS, 3));
    expect([added, skipped.map(({ row }) => row)]).toEqual([1, [1, 2]]);
    expect(skipped[0]?.reason).toContain(String(MAX_CONTACTS));
    const one = p.mutation(api.contacts.add, { name: "One more", phone: "+14155550134" });
    await expectFailure(one, "BAD_INPUT", "contacts");
  });
});

describe("a person", () => {
  test("is created once, with what the token says", async () => {
    const t = floyd();
    const p = await person(t, "alex");
    const me = await p.query(api.users.me, {});
    expect(me).toMatchObject({ name: "alex", timezone: "UTC", limits: { recordCalls: false } });
    expect(await p.mutation(api.users.ensure, { name: "Somebody else" })).toBe(me?._id);
    expect(await p.query(api.users.me, {})).toMatchObject({ name: "alex" });
  });

  test("chooses a voice, or leaves it to the worker; the worker is told with the request", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    await p.mutation(api.users.update, { voice: " nova\u0000 " });
    const material = await w.query(api.requests.material, { requestId, token });
    expect(material.user).toMatchObject({ voice: "nova" });
    await expectFailure(p.mutation(api.users.update, { voice: "x".repeat(101) }), "BAD_INPUT", "voice");
    await p.mutation(api.users.update, { voice: null });
    expect((await p.query(api.users.me, {}))?.voice).toBeUndefined();
  });

  test("sets their own limits, within reason", async () => {
    const p = await person(floyd());
    const limits = { maxCallMinutes: 15, maxSpendUsd: 60, recordCalls: true };
    await p.mutation(api.users.update, {
      name: "Alex Rivera",
      timezone: "Europe/Berlin",
      language: "de",
      limits,
    });
    expect(await p.query(api.users.me, {})).toMatchObject({ name: "Alex Rivera", language: "de", limits });
    const update = (change: Partial<typeof limits>) =>
      p.mutation(api.users.update, { limits: { ...limits, ...change } });
    await expectFailure(update({ maxCallMinutes: 0 }), "BAD_INPUT", "limits.maxCallMinutes");
    await expectFailure(update({ maxCallMinutes: Number.NaN }), "BAD_INPUT", "limits.maxCallMinutes");
    await expectFailure(update({ maxSpendUsd: -1 }), "BAD_INPUT", "limits.maxSpendUsd");
    await expectFailure(p.mutation(api.users.update, { timezone: "Mars/Base" }), "BAD_INPUT", "timezone");
  });
});

describe("the number of a request", () => {
  test("is dialled in E.164, whatever way it is written", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    await begin(w, { requestId, token }, "hash-1", "+1 (415) 555-0134");
    const { calls } = await p.query(api.requests.show, { requestId });
    expect(calls).toMatchObject([{ to: "+14155550134", status: "dialing" }]);
  });
});
