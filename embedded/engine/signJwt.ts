/**
 * `ctx.auth.signJwt`: ES256 tokens with the deployment's own key (npm `convex`, `src/server/authentication.ts`), which
 * anybody can check by `/.well-known/jwks.json`. The key is made when the first token is signed, in that transaction.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  sign,
} from "node:crypto";
import { isObject, type JsonObject } from "../values/json.ts";
import { DeveloperError } from "./errors.ts";
import type { Store } from "./store.ts";

const KEY = "jwt";
const LONGEST_S = 3_600;
const RESERVED = /^(iss|iat|exp|nbf)$|^(convex|cvx)/i;

function keyOf(store: Store): string | null {
  const row = store.one("SELECT value FROM secrets WHERE name = ?", KEY);
  return row ? String(row.value) : null;
}

function makeKey(store: Store): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  store.run("INSERT INTO secrets (name, value) VALUES (?, ?)", KEY, pem);
  return pem;
}

function publicJwk(pem: string): JsonWebKey & { kid: string } {
  const { kty, crv, x, y } = createPublicKey(pem).export({ format: "jwk" });
  // RFC 7638: the thumbprint names the key.
  const kid = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
  return { kty, crv, x, y, kid, alg: "ES256", use: "sig" } as JsonWebKey & { kid: string };
}

/** The public keys; none before the first token. */
export function jwks(store: Store): { keys: JsonObject[] } {
  const pem = keyOf(store);
  return { keys: pem === null ? [] : [publicJwk(pem) as unknown as JsonObject] };
}

/** Throws DeveloperError for claims and times that are not allowed. */
export function signJwt(store: Store, issuer: string, args: JsonObject, nowMs: number): string {
  const { expiresInSeconds: seconds } = args;
  if (typeof seconds !== "number" || !(seconds >= 1 && seconds <= LONGEST_S)) {
    throw new DeveloperError(
      `signJwt: expiresInSeconds must be from 1 to ${LONGEST_S}, not ${JSON.stringify(seconds)}.`,
    );
  }
  const claims = (args.claims ?? {}) as JsonObject;
  if (!isObject(claims)) throw new DeveloperError("signJwt: claims must be an object.");
  const reserved = Object.keys(claims).find((name) => RESERVED.test(name));
  if (reserved !== undefined) throw new DeveloperError(`signJwt: the claim "${reserved}" is reserved.`);
  const pem = keyOf(store) ?? makeKey(store);
  const iat = Math.floor(nowMs / 1000);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const header = encode({ alg: "ES256", typ: "JWT", kid: publicJwk(pem).kid });
  const body = `${header}.${encode({ ...claims, iss: issuer, iat, exp: iat + Math.floor(seconds) })}`;
  const key = createPrivateKey(pem);
  const signature = sign("sha256", Buffer.from(body), { key, dsaEncoding: "ieee-p1363" });
  return `${body}.${signature.toString("base64url")}`;
}
