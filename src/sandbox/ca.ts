import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import 'reflect-metadata'; // @peculiar/x509 needs it, before its own first line runs
import * as x509 from '@peculiar/x509';

export interface CertificateAuthority {
  /** The authority's own certificate. */
  readonly pem: string;
  /** A server certificate for these host names and IP addresses, with its private key; both PEM. */
  issue(name: string, hosts: string[]): Promise<{ cert: string; key: string }>;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 24 * 3600 * 1000;

/** A throw-away certificate authority: its key exists in this process only. */
export async function createCertificateAuthority(): Promise<CertificateAuthority> {
  const validity = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + 30 * DAY) };
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=Agent ID SANDBOX throw-away CA',
      keys,
      signingAlgorithm: P256,
      ...validity,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return {
    pem: root.toString('pem'),
    async issue(name, hosts) {
      const own = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
      const certificate = await x509.X509CertificateGenerator.create(
        {
          subject: `CN=${name}`,
          issuer: root.subject,
          publicKey: own.publicKey,
          signingKey: keys.privateKey,
          signingAlgorithm: P256,
          ...validity,
          extensions: [
            new x509.BasicConstraintsExtension(false, undefined, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
            new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']), // serverAuth
            new x509.SubjectAlternativeNameExtension(
              hosts.map(host => ({ type: isIP(host) ? 'ip' : 'dns', value: host })),
            ),
            // Python's OpenSSL 3 in strict mode refuses a chain without both key identifiers.
            await x509.AuthorityKeyIdentifierExtension.create(root, false, webcrypto),
            await x509.SubjectKeyIdentifierExtension.create(own.publicKey, false, webcrypto),
          ],
        },
        webcrypto,
      );
      const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', own.privateKey), 'PRIVATE KEY');
      return { cert: certificate.toString('pem'), key };
    },
  };
}
