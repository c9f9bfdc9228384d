// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { codeIn } from "../../web/src/auth/linkCode";
import { claimsOf, FloydSession, SESSION_KEY, SignInError } from "../../web/src/auth/session";

const MINUTE = 60_000;

/** What the worker was asked, and what it answers next; `null` is no answer at all. */
type Answer = { status: number; body?: object; headers?: Record<string, string> } | null;
let asked: { path: string; body: Record<string, string> }[];
let answers: Answer[];
let sessions: FloydSession[];
let made = 0;

/** A token as the worker makes them, good for ten minutes by its own clock, which is an hour wrong. */
function token(): string {
  const iat = Math.floor(Date.now() / 1000) + 3600;
  const claims = { sub: "person:sam", iat, exp: iat + 600, operator: true, name: "Zoë", n: ++made };
  const part = (value: object) =>
    btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  return `${part({ alg: "ES256" })}.${part(claims)}.c2ln`;
}

function granted(more: object = {}): Answer {
  return { status: 200, body: { token: token(), expiresAt: 0, ...more } };
}

const ENDED: Answer = { status: 401, body: { error: { code: "UNAUTHENTICATED", message: "It has ended" } } };

function tab(): FloydSession {
  const session = new FloydSession("https://worker.example");
  session.subscribe(() => undefined);
  sessions.push(session);
  return session;
}

/** What other tabs get when one of them has changed the storage: a browser tells all but the one itself. */
function tellTabs(): void {
  dispatchEvent(new StorageEvent("storage", { key: SESSION_KEY }));
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  localStorage.clear();
  asked = [];
  answers = [];
  sessions = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push({ path: new URL(url).pathname, body: JSON.parse(String(init.body)) });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === undefined) throw new Error(`nobody expected ${url}`);
    if (answer === null) throw new TypeError("Failed to fetch");
    const { status, body, headers = {} } = answer;
    return new Response(status === 204 ? null : JSON.stringify(body), { status, headers });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const fresh = { forceRefreshToken: true };
const any = { forceRefreshToken: false };

describe("a link", () => {
  test("begins a session that is kept, with a token that is not", async () => {
    const session = tab();
    expect(session.state.status).toBe("signedOut");
    answers = [granted({ session: "secret-1" })];
    await session.signIn("the-code");
    expect(asked).toEqual([{ path: "/auth/sign-in", body: { code: "the-code" } }]);
    expect(session.state.status).toBe("signedIn");
    expect(localStorage.getItem(SESSION_KEY)).toBe("secret-1");
    const held = await session.accessToken(any);
    expect(asked).toHaveLength(1);
    expect(JSON.stringify({ ...localStorage })).not.toContain(String(held));
  });

  test("that is refused says why, and leaves who was signed in", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const session = tab();
    answers = [{ status: 410, body: { error: { code: "LINK_USED", message: "Used already" } } }];
    const refused = await session.signIn("x").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(SignInError);
    expect(refused).toMatchObject({ code: "LINK_USED", message: "Used already" });
    expect(session.state.status).toBe("signedIn");
    answers = [null];
    await expect(session.signIn("x")).rejects.toMatchObject({ code: "AWAY" });
  });

  test("ends the session that was there before it", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const session = tab();
    const before = session.state.generation;
    answers = [granted({ session: "secret-2" }), { status: 204 }];
    await session.signIn("x");
    expect(asked[1]).toEqual({ path: "/auth/sign-out", body: { session: "secret-1" } });
    expect(session.state.generation).toBeGreaterThan(before);
  });
});

describe("a token", () => {
  test("is asked for once, however many want it, and again before it ends, by whatever clock", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const session = tab();
    answers = [granted()];
    const both = await Promise.all([session.accessToken(any), session.accessToken(any)]);
    expect(both[0]).toBe(both[1]);
    expect(asked).toEqual([{ path: "/auth/token", body: { session: "secret-1" } }]);
    vi.advanceTimersByTime(9 * MINUTE);
    expect(await session.accessToken(any)).toBe(both[0]);
    vi.advanceTimersByTime(MINUTE);
    answers = [granted()];
    expect(await session.accessToken(any)).not.toBe(both[0]);
  });

  test("is fetched anew when the deployment did not take the last one", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const session = tab();
    answers = [granted(), granted()];
    const first = await session.accessToken(any);
    expect(await session.accessToken(fresh)).not.toBe(first);
  });

  test("can be looked into", () => {
    expect(claimsOf(token())).toMatchObject({ name: "Zoë", operator: true });
    expect(claimsOf("x.y.z")).toBeNull();
    expect(claimsOf("")).toBeNull();
  });
});

describe("a worker that does not answer", () => {
  test("signs nobody out, is asked ever more seldom, and gives the token when it is back", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const session = tab();
    answers = [null];
    const waiting = session.accessToken(fresh);
    await vi.advanceTimersByTimeAsync(0);
    expect(session.state).toMatchObject({ status: "signedIn", away: true });
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.length).toBeLessThan(40);
    answers = [granted()];
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(await waiting).toMatch(/\./);
    expect(session.state).toMatchObject({ status: "signedIn", away: false });
  });

  test("is asked at once when somebody says so, or when the network is back", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const session = tab();
    answers = [null, null, null, granted()];
    const waiting = session.accessToken(fresh);
    await vi.advanceTimersByTimeAsync(0);
    session.tryNow();
    await vi.advanceTimersByTimeAsync(0);
    dispatchEvent(new Event("online"));
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toHaveLength(3);
    session.tryNow();
    expect(await waiting).toMatch(/\./);
  });

  test("that has too much to do is left alone for as long as it says", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const session = tab();
    answers = [{ status: 429, body: {}, headers: { "Retry-After": "20" } }, granted()];
    const waiting = session.accessToken(fresh);
    await vi.advanceTimersByTimeAsync(19_000);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await waiting).toMatch(/\./);
  });

  test("does not keep anybody from signing out", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const session = tab();
    answers = [null];
    const waiting = session.accessToken(fresh);
    await vi.advanceTimersByTimeAsync(0);
    await session.signOut();
    expect(await waiting).toBeNull();
    expect(session.state).toMatchObject({ status: "signedOut", because: "chosen", away: false });
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(asked).toHaveLength(before);
  });
});

describe("tabs", () => {
  test("sign out together", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const [one, other] = [tab(), tab()];
    answers = [{ status: 204 }];
    await one.signOut();
    tellTabs();
    expect(other.state).toMatchObject({ status: "signedOut", because: "chosen" });
    expect(await other.accessToken(any)).toBeNull();
    expect(asked).toEqual([{ path: "/auth/sign-out", body: { session: "secret-1" } }]);
  });

  test("sign in together", async () => {
    const [one, other] = [tab(), tab()];
    answers = [granted({ session: "secret-1" })];
    await one.signIn("x");
    tellTabs();
    expect(other.state.status).toBe("signedIn");
  });

  test("become another person's together, and hand out nothing of the one before", async () => {
    localStorage.setItem(SESSION_KEY, "sams");
    const [one, other] = [tab(), tab()];
    answers = [granted()];
    const sams = await other.accessToken(any);
    const before = other.state.generation;
    answers = [granted({ session: "eves" }), { status: 204 }];
    await one.signIn("x");
    // Even before the browser has told the other tab.
    answers = [granted()];
    expect(await other.accessToken(any)).not.toBe(sams);
    expect(asked.at(-1)).toEqual({ path: "/auth/token", body: { session: "eves" } });
    expect(other.state.generation).toBeGreaterThan(before);
  });

  test("whose session was ended elsewhere are signed out, and do not ask again", async () => {
    localStorage.setItem(SESSION_KEY, "secret-1");
    const session = tab();
    answers = [ENDED];
    expect(await session.accessToken(fresh)).toBeNull();
    expect(session.state).toMatchObject({ status: "signedOut", because: "ended" });
    expect(localStorage.getItem(SESSION_KEY)).toBeNull();
    expect(await session.accessToken(fresh)).toBeNull();
    expect(asked).toHaveLength(1);
  });

  test("keep a new session that another tab began while the old one was being refused", async () => {
    localStorage.setItem(SESSION_KEY, "old");
    const session = tab();
    answers = [ENDED];
    const refused = session.accessToken(fresh);
    localStorage.setItem(SESSION_KEY, "new");
    expect(await refused).toBeNull();
    expect(localStorage.getItem(SESSION_KEY)).toBe("new");
    expect(session.state.status).toBe("signedIn");
  });
});

test("a pasted link or code is recognised, and nothing else", () => {
  const code = "v0W4KILKVeCqLWixFaCJBgaa9A1746YMtiL2ivZzGWk";
  expect(codeIn(`http://127.0.0.1:3220/sign-in#${code}`)).toBe(code);
  expect(codeIn(`  ${code}\n`)).toBe(code);
  for (const other of ["", "http://127.0.0.1:3220/sign-in", `${code}x`, code.slice(1), `${code} and more`]) {
    expect(codeIn(other)).toBeNull();
  }
});
