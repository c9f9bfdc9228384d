/** Signs tokens for the provider of the test app's auth.config. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export class Issuer {
  /** The public key, as a JWK set. */
  readonly keys: string;
  private readonly key: CryptoKey;
  private readonly alg: "ES256" | "RS256";

  private constructor(key: CryptoKey, keys: string, alg: "ES256" | "RS256") {
    this.key = key;
    this.keys = keys;
    this.alg = alg;
  }

  static async create(alg: "ES256" | "RS256" = "ES256"): Promise<Issuer> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg, use: "sig" };
    return new Issuer(privateKey, JSON.stringify({ keys: [jwk] }), alg);
  }

  /** The public key as a `data:` URI, as an environment variable holds it. */
  get jwks(): string {
    return `data:application/json;base64,${Buffer.from(this.keys).toString("base64")}`;
  }

  sign(
    subject: string,
    { claims = {}, expiresIn = 3600, issuer = "https://issuer.test", audience = "app" } = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: this.alg, kid: "k1" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(subject)
      .setIssuedAt(now - 1)
      .setExpirationTime(now + expiresIn)
      .sign(this.key);
  }
}
