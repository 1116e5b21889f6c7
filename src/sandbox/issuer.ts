import * as v from 'valibot';
import type { CertificateAuthority } from './ca.ts';
import { serve, type Listening } from './server.ts';
import type { World } from './world.ts';

/*
 * Panel `/issuer` of the control endpoint.
 *
 * | switch    | default   | meaning                                                                                       |
 * | published | "current" | what the cluster's issuer shows to the internet: its documents; "old": the keys of a cluster   |
 * |           |           | that was there before; "other": another issuer's document; "nothing": 404                      |
 * | inside    | false     | true: the API server names the issuer that a cluster has by itself, which exists only inside   |
 */
const Post = v.strictObject({
  published: v.optional(v.picklist(['current', 'old', 'other', 'nothing'])),
  inside: v.optional(v.boolean()),
});

/** The issuer of a cluster for which nobody chose one (kubeadm). */
const DEFAULT_ISSUER = 'https://kubernetes.default.svc.cluster.local';

/** The discovery document of the issuer of ServiceAccount tokens, as the API server has it. */
export const issuerDocument = (issuer: string): object => ({
  issuer,
  jwks_uri: `${issuer}/openid/v1/jwks`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
});

const DEFAULTS: Required<v.InferOutput<typeof Post>> = { published: 'current', inside: false };

/** The public address of the cluster's issuer, which a real cluster has on the internet. `named` is what its API server says. */
export async function startIssuer(options: {
  world: World;
  ca: CertificateAuthority;
}): Promise<Listening & { named(): string }> {
  const { world, ca } = options;
  const switches = { ...DEFAULTS };
  world.panels.set('issuer', {
    read: () => switches,
    apply: body => void Object.assign(switches, v.parse(Post, body)),
    reset: () => void Object.assign(switches, DEFAULTS),
  });
  const tls = await ca.issue('SANDBOX cluster issuer', ['127.0.0.1', 'localhost']);
  const listening = await serve({
    world,
    part: 'issuer',
    tls,
    handle: async (_request, { pathname }) => {
      const { published } = switches;
      if (published === 'nothing') return { status: 404 };
      if (pathname === '/.well-known/openid-configuration')
        return {
          status: 200,
          body: issuerDocument(published === 'other' ? `${listening.origin}/other` : listening.origin),
        };
      if (pathname !== '/openid/v1/jwks') return { status: 404 };
      const { kty, use, n, e } = world.clusterKey.jwk;
      const old = { kty, use, alg: 'RS256', kid: 'key-of-the-cluster-before', n, e };
      return { status: 200, body: { keys: [published === 'old' ? old : clusterJwk(world)] } };
    },
  });
  world.clusterIssuer = listening.origin;
  return { ...listening, named: () => (switches.inside ? DEFAULT_ISSUER : listening.origin) };
}

/** The cluster's signing key, without the certificate that only Entra's key sets have. */
export function clusterJwk({ clusterKey: { jwk } }: World): object {
  const { kty, use, kid, n, e } = jwk;
  return { use, kty, kid, alg: 'RS256', n, e };
}
