import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { CertificateAuthority } from '../ca.ts';
import { readBody, serve, type Listening, type Reply } from '../server.ts';
import type { World } from '../world.ts';
import type { Form } from './clients.ts';
import { instanceDiscovery, isShared, openIdV1, openIdV2 } from './discovery.ts';
import { EntraError } from './errors.ts';
import { startLoginPage } from './loginPage.ts';
import { createTenant, type Tenant } from './tenant.ts';
import { answerToken } from './tokenEndpoint.ts';
import { deviceAuthorization } from './userGrants.ts';

export interface Entra extends Listening {
  /** `iss` of v1 tokens, with its trailing slash. */
  readonly issuerV1: string;
  readonly issuerV2: string;
  /** Key set that verifies both token versions. */
  readonly jwks: { readonly keys: readonly object[] };
  /** The page on which a user enters the device code. */
  readonly loginUrl: string;
}

/** Starts the simulated Entra: its endpoints over TLS, its sign-in page beside them over plain http. */
export async function startEntra(options: { world: World; ca: CertificateAuthority }): Promise<Entra> {
  const { world, ca } = options;
  const addresses = { origin: '', loginOrigin: '' };
  const tenant = createTenant(world, addresses);
  const login = await startLoginPage(world, () => tenant);
  addresses.loginOrigin = login.origin;
  const tls = await ca.issue('SANDBOX Entra', ['127.0.0.1', 'localhost']);
  const https = await serve({ world, part: 'entra', tls, handle: (request, url) => answer(tenant, request, url) });
  addresses.origin = https.origin;
  return {
    ...https,
    issuerV1: tenant.issuerV1,
    issuerV2: tenant.issuerV2,
    jwks: keySet(tenant),
    loginUrl: tenant.loginUrl,
    close: async () => void (await Promise.all([https.close(), login.close()])),
  };
}

async function answer(tenant: Tenant, request: IncomingMessage, url: URL): Promise<Reply> {
  if (tenant.switches.down) return 'drop';
  const form = request.method === 'POST' ? await readForm(request) : new Map<string, string>();
  const correlationId =
    [request.headers['client-request-id'], url.searchParams.get('client-request-id'), form.get('client-request-id')]
      .flat()
      .find(id => id && /^[\w-]{1,64}$/.test(id)) ?? randomUUID();
  try {
    return await route(tenant, request, url, form, correlationId);
  } catch (error) {
    if (!(error instanceof EntraError)) throw error;
    const context = { origin: tenant.origin, correlationId, now: tenant.world.clock.now() };
    return { status: error.status, headers: headers(correlationId), body: error.body(context) };
  }
}

async function route(
  tenant: Tenant,
  request: IncomingMessage,
  url: URL,
  form: Form,
  correlationId: string,
): Promise<Reply> {
  const { world, origin } = tenant;
  const [, name = '', ...rest] = url.pathname.split('/');
  const path = rest.join('/').toLowerCase();
  const document = (body: unknown): Reply =>
    request.method === 'GET' || request.method === 'HEAD'
      ? { status: 200, headers: PUBLIC_HEADERS, body }
      : { status: 405, headers: { Allow: 'GET, HEAD' } };
  if (path === 'discovery/instance') {
    const asked = URL.parse(url.searchParams.get('authorization_endpoint') ?? '');
    if (asked?.host !== new URL(origin).host) throw new EntraError(50049);
    return document(instanceDiscovery(origin, asked.pathname.split('/')[1] ?? world.tenantId));
  }
  if (![world.tenantId, world.tenantName].includes(name.toLowerCase()) && !isShared(name))
    throw new EntraError(90002, [name]);
  if (path === 'v2.0/.well-known/openid-configuration') return document(openIdV2(tenant, name, world));
  if (path === '.well-known/openid-configuration') return document(openIdV1(tenant, name, world));
  if (path === 'discovery/v2.0/keys' || path === 'discovery/keys') return document(keySet(tenant));
  const endpoint = { 'oauth2/v2.0/devicecode': deviceAuthorization, 'oauth2/v2.0/token': answerToken }[path];
  if (!endpoint) return { status: 404 };
  if (request.method !== 'POST') return { status: 405, headers: { Allow: 'POST' } };
  return { status: 200, headers: headers(correlationId), body: await endpoint(tenant, form) };
}

function keySet({ world, issuerV2 }: Tenant): Entra['jwks'] {
  return { keys: [{ ...world.entraKey.jwk, issuer: issuerV2 }] };
}

const PUBLIC_HEADERS = { 'Cache-Control': 'max-age=86400, private', 'Access-Control-Allow-Origin': '*' };

function headers(correlationId: string): Record<string, string> {
  return {
    'Cache-Control': 'no-store, no-cache',
    Pragma: 'no-cache',
    Expires: '-1',
    'X-Content-Type-Options': 'nosniff',
    'x-ms-request-id': randomUUID(),
    'x-ms-ests-server': 'SANDBOX',
    'client-request-id': correlationId,
  };
}

/** The posted form, with the client credentials of an HTTP Basic header beside it (RFC 6749 §2.3.1). */
async function readForm(request: IncomingMessage): Promise<Form> {
  const form = new Map(new URLSearchParams(await readBody(request)));
  const basic = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (basic) {
    const [id = '', ...secret] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    const decoded = new URLSearchParams(`id=${id}&secret=${secret.join(':')}`); // both halves are form-encoded
    form.set('client_id', decoded.get('id') ?? '').set('client_secret', decoded.get('secret') ?? '');
  }
  return form;
}
