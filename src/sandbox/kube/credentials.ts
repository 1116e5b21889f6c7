import { randomBytes, timingSafeEqual, webcrypto } from 'node:crypto';
import 'reflect-metadata'; // @peculiar/x509 needs it, before its own first line runs
import * as x509 from '@peculiar/x509';
import type { Identity } from './rbac.ts';

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 24 * 3600 * 1000;

export interface ClientCertificate {
  /** PEM of the authority that the API server checks clients against. */
  ca: string;
  cert: string;
  key: string;
}

/** A client certificate with its own throw-away authority: CN is the user's name, O its group. */
export async function createClientCertificate(name: string, group: string): Promise<ClientCertificate> {
  const validity = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + 30 * DAY) };
  const authority = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=Agent ID SANDBOX client CA',
      keys: authority,
      signingAlgorithm: P256,
      ...validity,
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    },
    webcrypto,
  );
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject: `CN=${name}, O=${group}`,
      issuer: root.subject,
      publicKey: keys.publicKey,
      signingKey: authority.privateKey,
      signingAlgorithm: P256,
      ...validity,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.2']), // clientAuth
      ],
    },
    webcrypto,
  );
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { ca: root.toString('pem'), cert: certificate.toString('pem'), key };
}

/** The part of a TLS connection that says who the client is. */
interface Peer {
  authorized?: boolean;
  getPeerCertificate?(): { subject?: { CN?: string | string[]; O?: string | string[] } };
}

/** Knows the one bearer token that is valid now. */
export class Authenticator {
  readonly #developer: Identity;
  #token: string | undefined = newToken();

  constructor(developer: string) {
    this.#developer = { name: developer, groups: ['system:authenticated'] };
  }

  get token(): string | undefined {
    return this.#token;
  }

  expire(): void {
    this.#token = undefined;
  }

  renew(): string {
    return (this.#token = newToken());
  }

  /** Who asks: by token, else by client certificate, else anonymous; `undefined` for a token that is not valid. */
  identify(authorization: string | undefined, peer: Peer): Identity | undefined {
    const [, bearer] = /^Bearer\s+(\S+)$/i.exec(authorization ?? '') ?? [];
    if (bearer !== undefined) return this.#isValid(bearer) ? this.#developer : undefined;
    const subject = peer.authorized === true ? peer.getPeerCertificate?.().subject : undefined;
    const [name] = [subject?.CN ?? []].flat();
    if (name !== undefined) return { name, groups: [...[subject?.O ?? []].flat(), 'system:authenticated'] };
    return { name: 'system:anonymous', groups: ['system:unauthenticated'] };
  }

  #isValid(bearer: string): boolean {
    const [given, valid] = [Buffer.from(bearer), Buffer.from(this.#token ?? '')];
    return given.length === valid.length && timingSafeEqual(given, valid);
  }
}

const newToken = () => `sandbox.${randomBytes(24).toString('base64url')}`;
