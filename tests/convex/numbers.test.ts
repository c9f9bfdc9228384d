// @vitest-environment edge-runtime
import { afterEach, describe, expect, test, vi } from "vitest";
import { api, internal } from "../../convex/_generated/api";
import { judgeNumber } from "../../convex/numbers";
import { begin, expectFailure, floyd, inFlight, person } from "./floyd";

describe("a number that may be called", () => {
  test.each([
    ["+14155550134", "+14155550134"],
    ["+1 (415) 555-0199", "+14155550199"],
    [" +1.415.555.0100 ", "+14155550100"],
    ["+442079460123", "+442079460123"],
    // Reserved for fiction, so possible but never assigned.
    ["+447700900123", "+447700900123"],
    ["+12425550100", "+12425550100"],
    ["+491701234567", "+491701234567"],
    ["+18005550123", "+18005550123"],
    ["+80012345678", "+80012345678"],
    ["+6834000", "+6834000"],
  ])("%s", (raw, phone) => {
    expect(judgeNumber(raw)).toEqual({ allowed: true, phone });
  });
});

describe("a number that may not", () => {
  test.each([
    ["", "format"],
    ["the school", "format"],
    ["4155550134", "format"],
    ["+", "format"],
    ["++14155550134", "format"],
    ["+14155550134x5", "format"],
    ["+14155550134;ext=5", "format"],
    ["+१४१५५५५०१३४", "format"],
    ["+1415555013", "format"],
    ["+141555501345", "format"],
    ["+999123456789", "format"],
    ["+1234567890123456", "format"],
    ["+11155550134", "format"],
    ["+14151550134", "format"],
    ["+19115550134", "format"],
    ["+14159115555", "format"],
    ["911", "emergency"],
    ["+911", "emergency"],
    ["+1911", "emergency"],
    ["+1 911", "emergency"],
    ["9-1-1", "emergency"],
    ["112", "emergency"],
    ["+112", "emergency"],
    ["999", "emergency"],
    ["+44999", "emergency"],
    ["+49110", "emergency"],
    ["+49112", "emergency"],
    ["+81119", "emergency"],
    ["000", "emergency"],
    ["411", "service"],
    ["+1411", "service"],
    ["+1611", "service"],
    ["12345", "short"],
    ["+4915", "short"],
    ["+19005550100", "premium"],
    ["+14159765550", "premium"],
    ["+449098790000", "premium"],
    ["+33899123456", "premium"],
    ["+979123456789", "premium"],
    ["+447012345678", "personal"],
    ["+881612345678", "satellite"],
    ["+88213123456", "satellite"],
    ["+883510001234567", "satellite"],
    ["+870773111632", "satellite"],
  ])("%s: %s", (raw, reason) => {
    expect(judgeNumber(raw)).toMatchObject({ allowed: false, reason });
  });

  test("is one's own", () => {
    expect(judgeNumber("+1 415 555 0100", ["+14155550100"])).toMatchObject({ allowed: false, reason: "own" });
    expect(judgeNumber("+1 415 555 0101", ["+14155550100"])).toMatchObject({ allowed: true });
  });

  test("is not repeated in the error, which ends up in logs", async () => {
    const p = await person(floyd());
    for (const to of ["+19005550100", "my sister's 555", "9".repeat(20_000)]) {
      const create = p.mutation(api.requests.create, { text: "Call them", to });
      const message = await expectFailure(create, to.startsWith("+") ? "POLICY_BLOCKED" : "BAD_INPUT", "to");
      expect(message).not.toContain(to.slice(0, 12));
      expect(message).toContain("`to`");
    }
  });
});

describe("where numbers come in", () => {
  afterEach(() => void vi.unstubAllEnvs());

  test("the error names the field, and says what would be right", async () => {
    const p = await person(floyd());
    const create = (to: string) => p.mutation(api.requests.create, { text: "Call them", to });
    expect(await expectFailure(create("school"), "BAD_INPUT", "to")).toContain("+14155550134");
    expect(await expectFailure(create("911"), "POLICY_BLOCKED", "to")).toContain("call it yourself");
    await expectFailure(create("+19005550100"), "POLICY_BLOCKED", "to");
    const contact = (phone: string) => p.mutation(api.contacts.add, { name: "X", phone });
    await expectFailure(contact("555"), "POLICY_BLOCKED", "phone");
    await expectFailure(contact("4155550134"), "BAD_INPUT", "phone");
  });

  test("a request keeps its number in E.164", async () => {
    const p = await person(floyd());
    const requestId = await p.mutation(api.requests.create, { text: "Call", to: "+1 (415) 555-0134" });
    expect(await p.query(api.requests.get, { requestId })).toMatchObject({ toNumber: "+14155550134" });
  });

  test("a person's own phone is not called, except as the developer's override", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    await p.mutation(api.users.update, { phone: "+14155550100" });
    const own = "+14155550100";
    await expectFailure(
      p.mutation(api.requests.create, { text: "Call me", to: own }),
      "POLICY_BLOCKED",
      "to",
    );
    await expectFailure(p.mutation(api.contacts.add, { name: "Me", phone: own }), "POLICY_BLOCKED", "phone");
    await expectFailure(begin(w, { requestId, token }, "hash-1", own), "POLICY_BLOCKED", "to");
    const save = (source: "contact" | "override") =>
      w.mutation(api.requests.saveNumber, { requestId, token, number: { phone: own, source } });
    await expectFailure(save("contact"), "POLICY_BLOCKED", "number");
    await save("override");
    expect(await begin(w, { requestId, token }, "hash-1", own)).toMatchObject({ attempt: 1 });
  });

  test("Floyd's own numbers are not called, override or not", async () => {
    vi.stubEnv("FLOYD_OWN_NUMBERS", "+1 415 555 0190, +14155550191");
    const { p, w, requestId, token } = await inFlight(floyd());
    for (const to of ["+14155550190", "+14155550191"]) {
      await expectFailure(p.mutation(api.requests.create, { text: "x", to }), "POLICY_BLOCKED", "to");
      const number = { phone: to, source: "override" as const };
      await expectFailure(
        w.mutation(api.requests.saveNumber, { requestId, token, number }),
        "POLICY_BLOCKED",
      );
    }
  });

  test("an override does not open the way to emergency services", async () => {
    const { w, requestId, token } = await inFlight(floyd());
    const number = { phone: "+1911", source: "override" as const };
    await expectFailure(w.mutation(api.requests.saveNumber, { requestId, token, number }), "POLICY_BLOCKED");
  });

  test("who asked not to be called is not called", async () => {
    const t = floyd();
    const { p, w, requestId, token } = await inFlight(t);
    const phone = "+14155550134";
    await t.mutation(internal.suppressions.add, { phone, reason: "asked us to stop", addedBy: "ops" });
    await expectFailure(p.mutation(api.requests.create, { text: "x", to: phone }), "POLICY_BLOCKED", "to");
    await expectFailure(begin(w, { requestId, token }), "POLICY_BLOCKED", "to");
    await t.mutation(internal.suppressions.remove, { phone });
    expect(await begin(w, { requestId, token })).toMatchObject({ attempt: 1 });
  });

  test("two people cannot have the same phone", async () => {
    const t = floyd();
    const [alex, eve] = [await person(t, "alex"), await person(t, "eve")];
    await alex.mutation(api.users.update, { phone: "+14155550100" });
    await alex.mutation(api.users.update, { phone: "+1 415 555 0100" });
    await expectFailure(eve.mutation(api.users.update, { phone: "+14155550100" }), "CONFLICT", "phone");
    await alex.mutation(api.users.update, { phone: null });
    await eve.mutation(api.users.update, { phone: "+14155550100" });
  });
});
