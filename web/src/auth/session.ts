/**
 * A person's stay in this browser, and the tokens it yields.
 *
 * What stays is a random secret in `localStorage`, which the worker knows by its hash. With it the worker gives
 * out tokens that hold for minutes, which live in memory only. All tabs share the secret: signing out in one
 * signs out in all, and signing in as somebody else makes all of them that person's.
 *
 *     POST /auth/sign-in  {code}     -> {token, expiresAt, session, name}
 *     POST /auth/token    {session}  -> {token, expiresAt}
 *     POST /auth/sign-out {session}  -> 204
 *
 * A worker that does not answer is no reason to sign anybody out: the token is asked for again, ever more
 * slowly, until it does, and meanwhile `away` is true.
 */

export const SESSION_KEY = "floyd.session";

/** Signing takes the worker milliseconds, and the database behind it a few more. */
const ANSWER_MS = 15_000;
const FIRST_PAUSE_MS = 1_000;
/** Somebody looks at the page and waits; a button asks at once. */
const LONGEST_PAUSE_MS = 30_000;
/** A token that is this close to its end is not handed out any more. */
const SPARE_MS = 30_000;

export type SignInState = {
  status: "signedIn" | "signedOut";
  /** Why nobody is signed in: they chose so, or their session was ended elsewhere or is too old. */
  because?: "chosen" | "ended";
  /** The worker does not answer; the token will be there when it does. */
  away: boolean;
  /** Another number is another session: nothing of the one before may be shown. */
  generation: number;
};

/** Why signing in did not work. `message` can be shown. */
export class SignInError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

type Token = { session: string; value: string; lifetimeMs: number; atMs: number; tick: number };
type Answer =
  | { kind: "ok"; body: Record<string, unknown> }
  | { kind: "refused"; status: number; code: string; message: string }
  | { kind: "away"; retryAfterMs?: number };

export class FloydSession {
  private readonly workerUrl: string;
  private readonly storage: Storage;
  private readonly listeners = new Set<() => void>();
  private present: SignInState;
  private secret: string | null;
  private token: Token | null = null;
  private renewing: Promise<string | null> | null = null;
  private wake: (() => void) | null = null;

  constructor(workerUrl: string, storage: Storage = localStorage) {
    this.workerUrl = workerUrl;
    this.storage = storage;
    this.secret = storage.getItem(SESSION_KEY);
    this.present = { status: this.secret === null ? "signedOut" : "signedIn", away: false, generation: 0 };
  }

  get state(): SignInState {
    return this.present;
  }

  /** Until the function that it returns is called; then also nothing is heard of other tabs any more. */
  subscribe = (listener: () => void): (() => void) => {
    if (this.listeners.size === 0) this.listen();
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.deafen();
    };
  };

  /** Use a one-time link. Raises `SignInError`; who was signed in stays so then. */
  async signIn(code: string): Promise<void> {
    const answer = await this.post("/auth/sign-in", { code });
    if (answer.kind === "away")
      throw new SignInError("AWAY", "Floyd does not answer. Try again in a moment.");
    if (answer.kind === "refused") throw new SignInError(answer.code, answer.message);
    const { session } = answer.body;
    const token = tokenIn(answer.body, String(session));
    if (typeof session !== "string" || token === null) {
      throw new SignInError("AWAY", "Floyd's answer can't be understood. Reload the page and try again.");
    }
    const before = this.secret;
    this.adopt(session);
    this.token = token;
    if (before !== null && before !== session) void this.post("/auth/sign-out", { session: before });
  }

  /** In all tabs of this browser at once; the worker is told if it can be reached. */
  async signOut(): Promise<void> {
    const { secret } = this;
    if (secret === null) return;
    this.drop("chosen");
    await this.post("/auth/sign-out", { session: secret });
  }

  /** A token for the deployment and the worker; null when nobody is signed in. Waits while the worker is away. */
  async accessToken({ forceRefreshToken }: { forceRefreshToken: boolean }): Promise<string | null> {
    this.follow();
    if (this.secret === null) return null;
    if (!forceRefreshToken && this.token !== null && lasts(this.token)) return this.token.value;
    const renewing = this.renewing ?? this.renew(this.secret);
    this.renewing = renewing;
    try {
      return await renewing;
    } finally {
      if (this.renewing === renewing) this.renewing = null;
    }
  }

  /** Ask an absent worker again now. */
  tryNow = (): void => {
    this.wake?.();
  };

  private async renew(session: string): Promise<string | null> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const answer = await this.post("/auth/token", { session });
      this.follow();
      if (this.secret !== session) return null;
      if (answer.kind === "ok") {
        this.token = tokenIn(answer.body, session);
        this.change({ away: this.token === null });
        if (this.token !== null) return this.token.value;
      } else if (answer.kind === "refused" && answer.status === 401) {
        this.drop("ended");
        return null;
      } else {
        this.change({ away: true });
      }
      const atLeast = answer.kind === "away" ? (answer.retryAfterMs ?? 0) : 0;
      // Not all tabs at the same moment.
      await this.pause(Math.max(atLeast, pauseMs * (0.75 + Math.random() / 2)));
      this.follow();
      if (this.secret !== session) return null;
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake?.(), ms);
      this.wake = () => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
    });
  }

  private async post(path: string, body: object): Promise<Answer> {
    let reply: Response;
    try {
      reply = await fetch(this.workerUrl + path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        credentials: "omit",
        referrerPolicy: "no-referrer",
        // A page that is being closed still signs out.
        keepalive: true,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch {
      return { kind: "away" };
    }
    const found: unknown = await reply.json().catch(() => null);
    const given = isObject(found) ? found : {};
    if (reply.ok) return { kind: "ok", body: given };
    if (reply.status === 429 || reply.status >= 500) {
      const seconds = Number(reply.headers.get("Retry-After"));
      return { kind: "away", retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : 0 };
    }
    const { code, message } = isObject(given.error) ? given.error : {};
    return {
      kind: "refused",
      status: reply.status,
      code: typeof code === "string" ? code : "REFUSED",
      message: typeof message === "string" ? message : `Floyd refused (${reply.status}).`,
    };
  }

  /** Another tab may have changed the secret; its event may still be on the way, or nobody listens. */
  private follow(): void {
    const stored = this.storage.getItem(SESSION_KEY);
    if (stored === this.secret) return;
    if (stored === null) this.drop("chosen");
    else this.adopt(stored);
  }

  private adopt(secret: string): void {
    this.secret = secret;
    this.token = null;
    this.renewing = null;
    if (this.storage.getItem(SESSION_KEY) !== secret) this.storage.setItem(SESSION_KEY, secret);
    this.present = { status: "signedIn", away: false, generation: this.present.generation + 1 };
    this.wake?.();
    this.tell();
  }

  private drop(because: "chosen" | "ended"): void {
    // Not another tab's new session, which only this one's old one was refused for.
    if (this.storage.getItem(SESSION_KEY) === this.secret) this.storage.removeItem(SESSION_KEY);
    this.secret = null;
    this.token = null;
    this.renewing = null;
    this.present = { status: "signedOut", because, away: false, generation: this.present.generation + 1 };
    this.wake?.();
    this.tell();
  }

  private change(change: Partial<SignInState>): void {
    const next = { ...this.present, ...change };
    if (next.away === this.present.away) return;
    this.present = next;
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private readonly onStorage = (event: StorageEvent): void => {
    // A null key: everything was cleared.
    if (event.key === SESSION_KEY || event.key === null) this.follow();
  };

  private listen(): void {
    addEventListener("storage", this.onStorage);
    addEventListener("online", this.tryNow);
    document.addEventListener("visibilitychange", this.tryNow);
  }

  private deafen(): void {
    removeEventListener("storage", this.onStorage);
    removeEventListener("online", this.tryNow);
    document.removeEventListener("visibilitychange", this.tryNow);
  }
}

/**
 * How long it lasts is read from the token itself, as the time between the two moments its maker wrote into it:
 * this machine's clock may be wrong.
 */
function tokenIn(body: Record<string, unknown>, session: string): Token | null {
  if (typeof body.token !== "string") return null;
  const claims = claimsOf(body.token);
  const { iat, exp } = claims ?? {};
  if (typeof iat !== "number" || typeof exp !== "number") return null;
  return {
    session,
    value: body.token,
    lifetimeMs: (exp - iat) * 1000,
    atMs: Date.now(),
    tick: performance.now(),
  };
}

/** By the clock and by the running time, whichever is further: one may be set back, the other stops in sleep. */
function lasts(token: Token): boolean {
  const elapsed = Math.max(Date.now() - token.atMs, performance.now() - token.tick);
  return elapsed < token.lifetimeMs - SPARE_MS;
}

/** What a token says, unverified: good for what to show, never for what to allow. */
export function claimsOf(token: string): Record<string, unknown> | null {
  try {
    const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (char) => char.charCodeAt(0));
    const found: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isObject(found) ? found : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
