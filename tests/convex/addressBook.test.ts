// @vitest-environment edge-runtime
/** Importing contacts: what would be taken is what is taken, and numbers as they are written at home. */
import { expect, test } from "vitest";
import { api } from "../../convex/_generated/api";
import { MAX_CONTACTS, MAX_CONTACTS_AT_ONCE } from "../../convex/input";
import { expectFailure, floyd, line, onCall, person } from "./floyd";

const SCHOOL = { name: "School", phone: "+1 415 555 0134" };

test("the preview says what the import does, row by row, and writes nothing", async () => {
  const p = await person(floyd());
  await p.mutation(api.contacts.add, SCHOOL);
  const contacts = [
    SCHOOL,
    { name: "Dentist", phone: "+1 (415) 555-0120", aliases: ["teeth"] },
    { name: "Dentist", phone: "+14155550120" },
    { name: "Help", phone: "911" },
    { name: "Prize line", phone: "+1 900 555 0100" },
    { name: "", phone: "+14155550121" },
    { name: "Old", phone: "555-0199" },
  ];
  const preview = await p.query(api.contacts.preview, { contacts });
  expect(preview).toEqual([
    { reason: "You have this contact already" },
    { phone: "+14155550120" },
    { reason: "You have this contact already" },
    { reason: expect.stringContaining("emergency") },
    { reason: expect.stringContaining("premium") },
    { reason: expect.stringContaining("empty") },
    { reason: expect.stringContaining("country code") },
  ]);
  expect(await p.query(api.contacts.list, {})).toHaveLength(1);
  const { added, skipped } = await p.mutation(api.contacts.importMany, { contacts });
  expect(added).toBe(1);
  expect(skipped.map(({ row }) => row)).toEqual([0, 2, 3, 4, 5, 6]);
  expect(await p.query(api.contacts.list, {})).toMatchObject([{}, { name: "Dentist", aliases: ["teeth"] }]);
});

test.each([
  ["US", "(415) 555-0134", "+14155550134"],
  ["US", "011 49 30 901820", "+4930901820"],
  ["DE", "030 901820", "+4930901820"],
  ["DE", "0049 30 901820", "+4930901820"],
  ["DE", "+1 415 555 0134", "+14155550134"],
  ["IT", "06 6982", "06 6982"],
  ["IT", "06 698 83145", "+390669883145"],
])("in %s the number %s is %s", async (country, phone, expected) => {
  const p = await person(floyd());
  const [row] = await p.query(api.contacts.preview, { contacts: [{ name: "A", phone }], country });
  expect(row).toEqual(expected.startsWith("+") ? { phone: expected } : { reason: expect.any(String) });
});

test("an emergency number is none in any country", async () => {
  const p = await person(floyd());
  const { all } = await p.query(api.contacts.countries, {});
  expect(all.length).toBeGreaterThan(200);
  for (const { country } of all) {
    const [row] = await p.query(api.contacts.preview, { contacts: [{ name: "A", phone: "112" }], country });
    expect(row).toEqual({ reason: expect.stringContaining("emergency") });
  }
});

test("the country is the person's own by their phone; one that is none is refused", async () => {
  const p = await person(floyd());
  expect((await p.query(api.contacts.countries, {})).own).toBeUndefined();
  await p.mutation(api.users.update, { phone: "+4930901820" });
  expect((await p.query(api.contacts.countries, {})).own).toBe("DE");
  await expectFailure(
    p.query(api.contacts.preview, { contacts: [SCHOOL], country: "Germany" }),
    "BAD_INPUT",
    "country",
  );
});

test("there is room for so many, and so many are looked at at once", async () => {
  const p = await person(floyd());
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ name: `P${i}`, phone: `+1415555${1000 + i}` }));
  await expectFailure(
    p.query(api.contacts.preview, { contacts: many(MAX_CONTACTS_AT_ONCE + 1) }),
    "BAD_INPUT",
    "contacts",
  );
  await p.mutation(api.contacts.importMany, { contacts: many(MAX_CONTACTS) });
  const preview = await p.query(api.contacts.preview, { contacts: [SCHOOL] });
  expect(preview).toEqual([{ reason: expect.stringContaining("room") }]);
});

test("a fact that is removed and put back keeps its evidence; nobody puts back another's", async () => {
  const t = floyd();
  const { p, w, requestId, token, callId } = await onCall(t);
  await w.mutation(api.transcript.append, { callId, token, lines: [line(0), line(1, "We open at 8")] });
  const facts = [{ text: "The office opens at 8", lines: [1] }];
  await w.mutation(api.facts.offer, { requestId, token, callId, facts });
  const [learnt] = await p.query(api.facts.list, {});
  if (learnt === undefined) throw new Error("nothing was offered");
  const evidence = {
    requestId,
    requestText: "Call the school: Mara is sick",
    lines: [{ seq: 1, speaker: "callee", text: "We open at 8" }],
  };
  expect(await p.query(api.facts.evidence, { factId: learnt._id })).toEqual(evidence);
  await p.mutation(api.facts.remove, { factId: learnt._id });
  const { _id, _creationTime, userId, ...fact } = learnt;
  const factId = await p.mutation(api.facts.restore, { fact });
  expect(await p.mutation(api.facts.restore, { fact })).toBe(factId);
  expect(await p.query(api.facts.list, {})).toMatchObject([fact]);
  expect(await p.query(api.facts.evidence, { factId })).toEqual(evidence);
  const eve = await person(t, "eve");
  await expectFailure(eve.query(api.facts.evidence, { factId }), "NOT_FOUND", "factId");
  await expectFailure(eve.mutation(api.facts.restore, { fact }), "NOT_FOUND");
  const { requestId: _request, ...older } = fact;
  await expectFailure(eve.mutation(api.facts.restore, { fact: older }), "NOT_FOUND", "callId");
});

test("what a person said themselves has no evidence", async () => {
  const p = await person(floyd());
  const factId = await p.mutation(api.facts.add, { text: "Class 4B" });
  expect(await p.query(api.facts.evidence, { factId })).toBeNull();
});
