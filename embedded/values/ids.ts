/**
 * Document ids: base32 (digits and lower-case letters without i, l, o, u) of
 * varint(table number) ++ 16 random bytes ++ fletcher16 checksum (little endian); 31 to 37 characters.
 */
import { randomFillSync } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const DIGIT = new Map([...ALPHABET].map((char, value) => [char, value]));
const RANDOM_BYTES = 16;
const MIN_LENGTH = 31;
const MAX_LENGTH = 37;

/** Random bytes are drawn for many ids at a time; one by one they would be the dearest part of an insert. */
const pool = new Uint8Array(RANDOM_BYTES * 256);
let poolAt = pool.length;

function randomBytes(): Uint8Array {
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  poolAt += RANDOM_BYTES;
  return pool.subarray(poolAt - RANDOM_BYTES, poolAt);
}

function fletcher16(bytes: Uint8Array): number {
  let low = 0;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 255;
    high = (high + low) % 255;
  }
  return (high << 8) | low;
}

function toBase32(bytes: Uint8Array): string {
  let out = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += ALPHABET[(buffer >> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  if (bits > 0) out += ALPHABET[(buffer << (5 - bits)) & 31];
  return out;
}

function fromBase32(text: string): Uint8Array | null {
  const out = new Uint8Array(Math.floor((text.length * 5) / 8));
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (const char of text) {
    const digit = DIGIT.get(char);
    if (digit === undefined) return null;
    buffer = (buffer << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (buffer >> bits) & 255;
    }
    buffer &= (1 << bits) - 1;
  }
  return buffer === 0 ? out : null;
}

export function newId(tableNumber: number): string {
  const bytes: number[] = [];
  let rest = tableNumber;
  while (rest >= 128) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  const body = new Uint8Array(bytes.length + RANDOM_BYTES + 2);
  body.set(bytes);
  body.set(randomBytes(), bytes.length);
  const checksum = fletcher16(body.subarray(0, -2));
  body[body.length - 2] = checksum & 255;
  body[body.length - 1] = checksum >> 8;
  return toBase32(body);
}

/** The number of the table that an id belongs to; null if the text is no id. */
export function tableNumberOf(id: string): number | null {
  if (id.length < MIN_LENGTH || id.length > MAX_LENGTH) return null;
  const body = fromBase32(id);
  if (body === null || toBase32(body) !== id) return null;
  let number = 0;
  let shift = 0;
  let at = 0;
  for (; at < 5; at++) {
    const byte = body[at] ?? 0;
    number |= (byte & 127) << shift;
    shift += 7;
    if (byte < 128) break;
  }
  if (body.length !== at + 1 + RANDOM_BYTES + 2) return null;
  const checksum = fletcher16(body.subarray(0, -2));
  const stored = (body[body.length - 2] ?? 0) | ((body[body.length - 1] ?? 0) << 8);
  return stored === checksum ? number : null;
}
