import type { CertificateAuthority } from '../ca.ts';
import { serve, type Listening, type Reply } from '../server.ts';
import type { World } from '../world.ts';
import { instanceDiscovery, isShared, issuers, openIdV1, openIdV2 } from './discovery.ts';

export interface Entra extends Listening {
  /** `iss` of v1 tokens, with its trailing slash. */
  readonly issuerV1: string;
  readonly issuerV2: string;
  /** Key set that verifies both token versions. */
  readonly jwksUrl: string;
  /** The page on which a user enters the device code. */
  readonly loginUrl: string;
}

/** Starts the simulated Entra. */
export async function startEntra(options: { world: World; ca: CertificateAuthority }): Promise<Entra> {
  const { world, ca } = options;
  let origin = '';
  const https = await serve({
    world,
    part: 'entra',
    tls: await ca.issue('SANDBOX Entra', ['127.0.0.1', 'localhost']),
    handle(request, url): Reply {
      const [, tenant = '', ...rest] = url.pathname.split('/');
      const path = rest.join('/');
      if (path === 'discovery/instance') return json(instanceDiscovery(origin, world.tenantId));
      if (tenant !== world.tenantId && !isShared(tenant)) return { status: 400, body: {} };
      if (path === 'v2.0/.well-known/openid-configuration') return json(openIdV2(origin, tenant, world));
      if (path === '.well-known/openid-configuration') return json(openIdV1(origin, tenant, world));
      if (path === 'discovery/v2.0/keys' || path === 'discovery/keys') return json({ keys: [world.entraKey.jwk] });
      return { status: 404 };
    },
  });
  origin = https.origin;
  const { v1, v2 } = issuers(origin, world.tenantId);
  return {
    ...https,
    issuerV1: v1,
    issuerV2: v2,
    jwksUrl: `${origin}/${world.tenantId}/discovery/v2.0/keys`,
    loginUrl: '',
  };
}

function json(body: unknown): Reply {
  return {
    status: 200,
    headers: { 'Cache-Control': 'max-age=86400, private', 'Access-Control-Allow-Origin': '*' },
    body,
  };
}
