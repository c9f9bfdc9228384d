/**
 * The token of an upload URL: `base64url({component, expires, nonce}) "." base64url(HMAC-SHA256)`, signed with a secret
 * of this deployment that lies in its database. It is valid for an hour, as often as one likes.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export const UPLOAD_URL_LIFETIME_MS = 3600_000;
const LONGEST_TOKEN = 2_000;

type Claims = { component: string; expires: number; nonce: string };

function sign(secret: string, payload: string): Buffer {
  return createHmac("sha256", secret).update(payload).digest();
}

export function makeUploadToken(secret: string, component: string, nowMs: number): string {
  const claims: Claims = {
    component,
    expires: nowMs + UPLOAD_URL_LIFETIME_MS,
    nonce: randomBytes(9).toString("base64url"),
  };
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `${payload}.${sign(secret, payload).toString("base64url")}`;
}

/** The component that the file is for, or what is wrong with the token. */
export function readUploadToken(
  secret: string | null,
  token: string,
  nowMs: number,
): { component: string } | "invalid" | "expired" {
  const [payload = "", signature = "", ...rest] = token.length > LONGEST_TOKEN ? [] : token.split(".");
  if (secret === null || payload === "" || rest.length > 0) return "invalid";
  const expected = sign(secret, payload);
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return "invalid";
  const { component, expires } = JSON.parse(Buffer.from(payload, "base64url").toString()) as Claims;
  return nowMs > expires ? "expired" : { component };
}
