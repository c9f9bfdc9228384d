/**
 * Who is calling: checks JSON web tokens against the providers of `auth.config`, and admin keys.
 *
 * Provider forms: `{type: "customJwt", issuer, jwks, algorithm: "RS256" | "ES256", applicationID?}` where `jwks` is an
 * https, http (loopback) or `data:` URI; `{domain, applicationID}` for OpenID Connect, whose keys are found by
 * discovery. A token belongs to the provider with its issuer and, if given, audience.
 */
import { timingSafeEqual } from "node:crypto";
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from "jose";
import type { Identity } from "./runtime/messages.ts";
import { isObject, type Json, type JsonObject } from "./values/json.ts";

/** Fetching keys and discovery documents; a login waits for it. */
const KEYS_DEADLINE_MS = 5_000;
/** Clocks of token makers and of this machine may differ by this much. */
const CLOCK_TOLERANCE_S = 5;

/** Loaded with the first token, so that the start doesn't wait for it. */
const jose = () => import("jose");

type Provider = {
  issuer: string;
  applicationId: string | null;
  algorithms: string[];
  keys: () => Promise<JWTVerifyGetKey>;
};
export type Verified = { identity: Identity; expiresAtMs: number | null };

export class AuthError extends Error {}

function normalise(issuer: string): string {
  return (/^https?:\/\//.test(issuer) ? issuer : `https://${issuer}`).replace(/\/$/, "");
}

function decodeDataUri(uri: string): JSONWebKeySet {
  const comma = uri.indexOf(",");
  const body = uri.slice(comma + 1);
  const text = /;base64$/.test(uri.slice(0, comma))
    ? Buffer.from(body, "base64").toString("utf8")
    : decodeURIComponent(body);
  const keys = JSON.parse(text) as JSONWebKeySet;
  if (!Array.isArray(keys.keys) || !keys.keys.every(isObject)) throw new Error('no "keys" array of objects');
  return keys;
}

async function discover(domain: string): Promise<JWTVerifyGetKey> {
  const response = await fetch(`${domain}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(KEYS_DEADLINE_MS),
  });
  const found = (await response.json().catch(() => null)) as Json;
  const { jwks_uri: uri, issuer } = (isObject(found) ? found : {}) as JsonObject;
  if (!response.ok || typeof uri !== "string" || !URL.canParse(uri)) {
    throw new AuthError(
      `OpenID discovery at ${domain} failed (HTTP ${response.status}, no usable "jwks_uri")`,
    );
  }
  // OpenID Connect Discovery 1.0, section 4.3: the document must be about the issuer that was asked for.
  if (normalise(String(issuer)) !== domain) {
    throw new AuthError(
      `OpenID discovery at ${domain} failed: it is about another issuer, ${String(issuer)}`,
    );
  }
  return remoteKeys(new URL(uri));
}

async function remoteKeys(uri: URL): Promise<JWTVerifyGetKey> {
  return (await jose()).createRemoteJWKSet(uri, { timeoutDuration: KEYS_DEADLINE_MS });
}

async function localKeys(keys: JSONWebKeySet): Promise<JWTVerifyGetKey> {
  return (await jose()).createLocalJWKSet(keys);
}

function provider(settings: JsonObject): Provider {
  const applicationId = typeof settings.applicationID === "string" ? settings.applicationID : null;
  if (settings.type !== "customJwt") {
    if (typeof settings.domain !== "string" || settings.domain === "" || !applicationId) {
      throw new Error(
        'an OpenID Connect provider needs "domain" and "applicationID" (is the environment variable it comes from set?)',
      );
    }
    const issuer = normalise(settings.domain);
    let found: Promise<JWTVerifyGetKey> | null = null;
    const keys = () => {
      found ??= discover(issuer).catch((error: unknown) => {
        found = null;
        throw error;
      });
      return found;
    };
    return { issuer, applicationId, algorithms: ["RS256", "ES256"], keys };
  }
  const { issuer, jwks, algorithm } = settings;
  if (typeof issuer !== "string" || typeof jwks !== "string" || jwks === "") {
    throw new Error(
      'a customJwt provider needs "issuer" and "jwks" (is the environment variable it comes from set?)',
    );
  }
  if (algorithm !== "RS256" && algorithm !== "ES256")
    throw new Error('"algorithm" must be "RS256" or "ES256"');
  // What is wrong with the setting is told now; the keys themselves are made once, with the first token.
  const [local, uri] = jwks.startsWith("data:") ? [decodeDataUri(jwks), null] : [null, new URL(jwks)];
  let made: Promise<JWTVerifyGetKey> | null = null;
  const keys = () => {
    made ??= uri ? remoteKeys(uri) : localKeys(local);
    return made;
  };
  return { issuer: normalise(issuer), applicationId, algorithms: [algorithm], keys };
}

/** Standard OpenID claims appear under their camel-cased names, everything else under its own. */
const CLAIM_NAMES: Record<string, string> = {
  given_name: "givenName",
  family_name: "familyName",
  preferred_username: "preferredUsername",
  profile: "profileUrl",
  picture: "pictureUrl",
  email_verified: "emailVerified",
  birthdate: "birthday",
  zoneinfo: "timezone",
  locale: "language",
  phone_number: "phoneNumber",
  phone_number_verified: "phoneNumberVerified",
  updated_at: "updatedAt",
};
const NOT_ATTRIBUTES = new Set(["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]);

function attributes(payload: JWTPayload): JsonObject {
  const out: JsonObject = {};
  const add = (prefix: string, claims: Record<string, unknown>) => {
    for (const [name, value] of Object.entries(claims)) {
      if (prefix === "" && NOT_ATTRIBUTES.has(name)) continue;
      const key = prefix + (prefix === "" ? (CLAIM_NAMES[name] ?? name) : name);
      if (name === "address" && prefix === "" && isObject(value)) out.address = String(value.formatted ?? "");
      else if (isObject(value)) add(`${key}.`, value);
      else if (name === "updated_at" && prefix === "") out.updatedAt = String(value);
      else out[key] = value as Json;
    }
  };
  add("", payload);
  const issuer = String(payload.iss);
  return { ...out, tokenIdentifier: `${issuer}|${payload.sub}`, issuer, subject: String(payload.sub) };
}

function parseIdentity(encoded: string): JsonObject {
  let identity: unknown;
  try {
    identity = JSON.parse(Buffer.from(encoded, "base64").toString("utf8"));
  } catch {
    identity = null;
  }
  if (!isObject(identity)) {
    throw new AuthError("The identity after the admin key must be base64 of a JSON object.");
  }
  return identity as JsonObject;
}

export class Authenticator {
  private providers: Provider[] = [];
  private readonly adminKey: Buffer;
  private readonly warn: (line: string) => void;

  constructor(adminKey: string, warn: (line: string) => void) {
    this.adminKey = Buffer.from(adminKey);
    this.warn = warn;
  }

  /** Takes the default export of `auth.config`; a provider that isn't complete is left out, with a warning. */
  configure(config: Json | null): void {
    const listed = isObject(config) ? (config.providers as Json) : [];
    this.providers = [];
    for (const [i, settings] of (Array.isArray(listed) ? listed : []).entries()) {
      try {
        this.providers.push(provider(settings as JsonObject));
      } catch (error) {
        this.warn(`auth.config: provider ${i} is not used: ${(error as Error).message}`);
      }
    }
  }

  isAdmin(key: string): boolean {
    const given = Buffer.from(key);
    return given.length === this.adminKey.length && timingSafeEqual(given, this.adminKey);
  }

  admin(key: string, actingAs: JsonObject | null): Verified {
    if (!this.isAdmin(key))
      throw new AuthError("The provided deploy key was invalid for this deployment. Check the admin key.");
    return {
      identity: actingAs ? { kind: "user", attributes: actingAs } : { kind: "admin" },
      expiresAtMs: null,
    };
  }

  /** Throws AuthError with the reason when the token is not acceptable. */
  async verify(token: string): Promise<Verified> {
    const { decodeJwt, jwtVerify } = await jose();
    let claims: JWTPayload;
    try {
      claims = decodeJwt(token);
    } catch {
      throw new AuthError(
        "Could not parse JWT payload. Check that the token is a valid JWT format with three base64-encoded parts separated by dots.",
      );
    }
    const issuer = normalise(String(claims.iss ?? ""));
    const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
    const found = this.providers.find(
      (candidate) =>
        candidate.issuer === issuer &&
        (candidate.applicationId === null || audience.includes(candidate.applicationId)),
    );
    if (!found) {
      const known = this.providers.map((candidate) => `issuer=${candidate.issuer}`).join(", ") || "none";
      throw new AuthError(
        `No auth provider found matching the given token (issuer=${issuer}). Providers configured: ${known}. Check convex/auth.config.ts.`,
      );
    }
    try {
      const { payload } = await jwtVerify(token, await found.keys(), {
        algorithms: found.algorithms,
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ["sub", "exp"],
      });
      return {
        identity: { kind: "user", attributes: attributes(payload) },
        expiresAtMs: payload.exp === undefined ? null : payload.exp * 1000,
      };
    } catch (error) {
      if (error instanceof AuthError) throw error;
      throw new AuthError(`Could not verify token: ${(error as Error).message}`);
    }
  }

  /** From an `Authorization` header: `Bearer <jwt>`, `Convex <admin key>` or `Convex <admin key>:<base64 identity>`. */
  async fromHeader(header: string | undefined): Promise<Verified> {
    if (!header) return { identity: { kind: "none" }, expiresAtMs: null };
    const [scheme, value = ""] = header.split(" ", 2);
    if (scheme === "Bearer") return this.verify(value);
    if (scheme === "Convex") {
      const [key = "", acting] = value.split(":", 2);
      return this.admin(key, acting ? parseIdentity(acting) : null);
    }
    throw new AuthError('The Authorization header must be "Bearer <token>" or "Convex <admin key>".');
  }
}
