/** Signs tokens for the provider of the test app's auth.config. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export class Issuer {
  readonly jwks: string;
  private readonly key: CryptoKey;

  private constructor(key: CryptoKey, jwks: string) {
    this.key = key;
    this.jwks = jwks;
  }

  static async create(): Promise<Issuer> {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256", use: "sig" };
    const text = JSON.stringify({ keys: [jwk] });
    return new Issuer(privateKey, `data:application/json;base64,${Buffer.from(text).toString("base64")}`);
  }

  sign(
    subject: string,
    { claims = {}, expiresIn = 3600, issuer = "https://issuer.test", audience = "app" } = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(subject)
      .setIssuedAt(now - 1)
      .setExpirationTime(now + expiresIn)
      .sign(this.key);
  }
}
