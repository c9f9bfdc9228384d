// @vitest-environment edge-runtime
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api, internal } from "../../convex/_generated/api";
import { type Caller, expectFailure, type Floyd, floyd, ISSUER, person, service, stranger } from "./floyd";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const CODE = "1".repeat(64);
const SECRET = "2".repeat(64);
const OTHER = "3".repeat(64);

let t: Floyd;
let w: Caller;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  t = floyd();
  w = service(t);
});

afterEach(() => void vi.useRealTimers());

function offer(codeHash = CODE, subject = "person:sam", more: { operator?: boolean; name?: string } = {}) {
  return w.mutation(api.signIn.offer, { codeHash, subject, operator: false, ...more });
}

function redeem(codeHash = CODE, secretHash = SECRET, device?: string) {
  return w.mutation(api.signIn.redeem, { codeHash, secretHash, device });
}

function granted(result: Awaited<ReturnType<typeof redeem>>) {
  if (result.kind !== "granted") throw new Error(`the link was refused: ${result.because}`);
  return result;
}

function renew(secretHash = SECRET) {
  return w.mutation(api.signIn.renew, { secretHash });
}

/** Sam, in the browser with this session. */
function browser(sid: string, subject = "person:sam"): Caller {
  return t.withIdentity({ issuer: ISSUER, subject, tokenIdentifier: `${ISSUER}|${subject}`, sid });
}

describe("a link", () => {
  test("begins a session, for the person it was made for", async () => {
    expect(await offer(CODE, "person:sam", { name: "Sam Rivera" })).toEqual({
      expiresAt: Date.now() + 15 * MINUTE,
      known: false,
    });
    expect(await redeem()).toMatchObject({
      kind: "granted",
      subject: "person:sam",
      operator: false,
      name: "Sam Rivera",
    });
    expect(await renew()).toMatchObject({ subject: "person:sam", name: "Sam Rivera" });
  });

  test("calls a known person by the name that Floyd has for them", async () => {
    const sam = stranger(t, "sam");
    await sam.mutation(api.users.ensure, { name: "Samuel" });
    expect((await offer(CODE, "person:sam", { name: "Somebody" })).known).toBe(true);
    expect(await redeem()).toMatchObject({ name: "Samuel" });
  });

  test("works once", async () => {
    await offer();
    await redeem();
    expect(await redeem(CODE, OTHER)).toEqual({ kind: "refused", because: "used" });
    expect(await renew(OTHER)).toBeNull();
  });

  test("works once, however many use it at the same moment", async () => {
    await offer();
    const secrets = ["4", "5", "6", "7"].map((digit) => digit.repeat(64));
    const results = await Promise.all(secrets.map((secret) => redeem(CODE, secret)));
    expect(results.map((result) => result.kind).sort()).toEqual(["granted", "refused", "refused", "refused"]);
    expect(
      (await Promise.all(secrets.map((secret) => renew(secret)))).filter((it) => it !== null),
    ).toHaveLength(1);
  });

  test("gives the same session to a worker that missed the answer, as long as that session lasts", async () => {
    await offer();
    const first = await redeem();
    expect(await redeem()).toEqual(first);
    await w.mutation(api.signIn.end, { secretHash: SECRET });
    expect(await redeem()).toEqual({ kind: "refused", because: "used" });
  });

  test("expires after a quarter of an hour, and is told apart from one that never was", async () => {
    await offer();
    vi.advanceTimersByTime(15 * MINUTE);
    expect(await redeem()).toEqual({ kind: "refused", because: "expired" });
    expect(await redeem(OTHER)).toEqual({ kind: "refused", because: "unknown" });
  });

  test("offered twice with the same code is one link", async () => {
    const { expiresAt } = await offer();
    vi.advanceTimersByTime(MINUTE);
    expect((await offer()).expiresAt).toBe(expiresAt);
    await redeem();
    await offer();
    expect(await redeem(CODE, OTHER)).toEqual({ kind: "refused", because: "used" });
  });

  test("is only for hashes and for people", async () => {
    for (const codeHash of ["", "secret", "A".repeat(64), "1".repeat(65)]) {
      await expectFailure(offer(codeHash), "BAD_INPUT", "codeHash");
      await expectFailure(redeem(codeHash), "BAD_INPUT", "codeHash");
    }
    await expectFailure(redeem(CODE, "secret"), "BAD_INPUT", "secretHash");
    for (const subject of ["worker", "person:", "person:a b", "sam", `person:${"a".repeat(101)}`]) {
      await expectFailure(offer(CODE, subject), "BAD_INPUT", "subject");
    }
    await expectFailure(offer(CODE, "person:sam", { name: "x".repeat(500) }), "BAD_INPUT", "name");
  });
});

describe("a session", () => {
  test("lasts as long as it is used once a month", async () => {
    await offer();
    await redeem();
    for (let month = 0; month < 4; month++) {
      vi.advanceTimersByTime(29 * DAY);
      expect(await renew()).not.toBeNull();
    }
    vi.advanceTimersByTime(30 * DAY);
    expect(await renew()).toBeNull();
  });

  test("is written to at most once an hour", async () => {
    await offer();
    const { sessionId } = granted(await redeem());
    const row = () => t.run((ctx) => ctx.db.get("sessions", sessionId));
    const before = await row();
    vi.advanceTimersByTime(59 * MINUTE);
    await renew();
    expect(await row()).toEqual(before);
    vi.advanceTimersByTime(MINUTE);
    await renew();
    expect((await row())?.usedAt).toBe(Date.now());
  });

  test("ends when its browser signs out", async () => {
    await offer();
    await redeem();
    await w.mutation(api.signIn.end, { secretHash: SECRET });
    expect(await renew()).toBeNull();
    await w.mutation(api.signIn.end, { secretHash: SECRET });
  });

  test("says that its person is an operator exactly when the link did", async () => {
    await offer(CODE, "person:sam", { operator: true });
    expect(await redeem()).toMatchObject({ operator: true });
    expect(await renew()).toMatchObject({ operator: true });
  });
});

describe("a person's own sessions", () => {
  async function begin(digit: string, subject: string, device: string): Promise<string> {
    await offer(digit.repeat(64), subject);
    const begun = granted(await redeem(digit.repeat(64), digit.repeat(64), device));
    vi.advanceTimersByTime(1000);
    return begun.sessionId;
  }

  test("are listed, the latest first, and nobody else's", async () => {
    const first = await begin("4", "person:sam", "Firefox on Linux");
    const second = await begin("5", "person:sam", "Safari on iPhone");
    await begin("6", "person:eve", "Chrome on Windows");
    const listed = await browser(first).query(api.signIn.sessions, {});
    expect(listed.map(({ sessionId, device, current }) => [sessionId, device, current])).toEqual([
      [second, "Safari on iPhone", false],
      [first, "Firefox on Linux", true],
    ]);
    expect(JSON.stringify(listed)).not.toContain("4".repeat(64));
  });

  test("can be ended by their person alone", async () => {
    const first = await begin("4", "person:sam", "Firefox on Linux");
    const second = await begin("5", "person:sam", "Safari on iPhone");
    const sessionId = (await browser(first).query(api.signIn.sessions, {}))[0]?.sessionId;
    if (sessionId === undefined) throw new Error("no session is listed");
    expect(sessionId).toBe(second);
    await expectFailure(
      browser("", "person:eve").mutation(api.signIn.revoke, { sessionId }),
      "NOT_FOUND",
      "sessionId",
    );
    expect(await renew("5".repeat(64))).not.toBeNull();
    await browser(first).mutation(api.signIn.revoke, { sessionId });
    expect(await renew("5".repeat(64))).toBeNull();
    expect(await renew("4".repeat(64))).not.toBeNull();
    await expectFailure(browser(first).mutation(api.signIn.revoke, { sessionId }), "NOT_FOUND");
  });

  test("are not those of somebody of the same name at another provider", async () => {
    const first = await begin("4", "person:sam", "Firefox on Linux");
    const sessionId = (await browser(first).query(api.signIn.sessions, {}))[0]?.sessionId;
    if (sessionId === undefined) throw new Error("no session is listed");
    const namesake = t.withIdentity({ issuer: "https://clerk.example", subject: "person:sam", sid: first });
    expect(await namesake.query(api.signIn.sessions, {})).toEqual([]);
    await expectFailure(namesake.mutation(api.signIn.revoke, { sessionId }), "NOT_FOUND");
  });

  test("are fifty at most: the oldest make way", async () => {
    const digits = Array.from({ length: 52 }, (_, index) => index.toString(16).padStart(64, "0"));
    for (const digest of digits) {
      await offer(digest);
      await redeem(digest, digest);
    }
    const sam = browser("");
    expect(await sam.query(api.signIn.sessions, {})).toHaveLength(50);
    expect(await renew(digits[1])).toBeNull();
    expect(await renew(digits[2])).not.toBeNull();
  });
});

test("what is over is forgotten", async () => {
  await offer();
  await redeem();
  await offer(OTHER);
  vi.advanceTimersByTime(6 * DAY);
  await t.mutation(internal.signIn.sweep, {});
  expect(await redeem(CODE, OTHER)).toEqual({ kind: "refused", because: "used" });
  expect(await redeem(OTHER, OTHER)).toEqual({ kind: "refused", because: "expired" });
  vi.advanceTimersByTime(2 * DAY);
  await t.mutation(internal.signIn.sweep, {});
  expect(await redeem(OTHER, OTHER)).toEqual({ kind: "refused", because: "unknown" });
  expect(await renew()).not.toBeNull();
  vi.advanceTimersByTime(31 * DAY);
  await t.mutation(internal.signIn.sweep, {});
  expect(await t.run((ctx) => ctx.db.query("sessions").collect())).toEqual([]);
});

test("the log tells of sessions, and holds no hash and no name", async () => {
  const spy = vi.spyOn(console, "log").mockImplementation(() => undefined);
  await person(t, "sam");
  await offer(CODE, "person:sam", { name: "Sam Rivera" });
  const { sessionId } = granted(await redeem());
  await w.mutation(api.signIn.end, { secretHash: SECRET });
  const lines = spy.mock.calls.map((args) => args.join(" "));
  spy.mockRestore();
  expect(lines).toEqual([
    `floyd session session=${sessionId} begun=link`,
    `floyd session session=${sessionId} ended=sign-out`,
  ]);
});
