import { webcrypto } from 'node:crypto';
import 'reflect-metadata'; // @peculiar/x509 needs it, before its own first line runs
import * as x509 from '@peculiar/x509';
import { exportJWK, SignJWT, type JWK, type JWTPayload } from 'jose';

/** An RS256 key pair with the certificate that Entra's key sets carry beside each key. */
export interface SigningKey {
  readonly kid: string;
  /** Public half as a key-set entry: `kid`, `x5t`, `x5c`, `n`, `e`. */
  readonly jwk: JWK & { kid: string };
  readonly publicKey: webcrypto.CryptoKey;
  /** Signs a JWT; `header` adds to `typ`, `alg` and `kid`. */
  sign(payload: JWTPayload, header?: Record<string, unknown>): Promise<string>;
}

const RS256 = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};

/** A fresh signing key; `name` goes into its certificate, so that nobody takes it for a real one. */
export async function createSigningKey(name: string): Promise<SigningKey> {
  const keys = await webcrypto.subtle.generateKey(RS256, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name: `CN=${name}`, keys }, webcrypto);
  const kid = Buffer.from(await certificate.getThumbprint('SHA-1', webcrypto)).toString('base64url');
  const { kty, n, e } = await exportJWK(keys.publicKey);
  const jwk = { kty, use: 'sig', kid, x5t: kid, n, e, x5c: [certificate.toString('base64')] } as JWK & { kid: string };
  return {
    kid,
    jwk,
    publicKey: keys.publicKey,
    sign: (payload, header) =>
      new SignJWT(payload).setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid, ...header }).sign(keys.privateKey),
  };
}
