import { timingSafeEqual } from 'node:crypto';
import { compactVerify, decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import type { Agent, Application } from '../world.ts';
import { EntraError } from './errors.ts';
import type { ClientProof } from './mint.ts';
import { EXCHANGE_APP_ID } from './scopes.ts';
import type { Tenant } from './tenant.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** The one audience that a federated credential may have. */
export const FEDERATION_AUDIENCE = 'api://AzureADTokenExchange';

export type Client =
  | { readonly kind: 'public'; readonly application: Application; readonly proof: '0' }
  | { readonly kind: 'blueprint'; readonly application: Application; readonly proof: ClientProof }
  | { readonly kind: 'agent'; readonly application: Agent; readonly proof: '2' };

/** The parameters of a form, with client credentials from HTTP Basic merged in. */
export type Form = ReadonlyMap<string, string>;

/** A parameter that must be there and not empty. */
export function required(form: Form, name: string): string {
  const value = form.get(name);
  if (!value) throw new EntraError(900144, [name]);
  return value;
}

/** Who asks: finds the application and checks its credential; throws what Entra answers when that fails. */
export async function authenticate(tenant: Tenant, form: Form): Promise<Client> {
  const { world } = tenant;
  const clientId = required(form, 'client_id').toLowerCase();
  const credential = form.get('client_assertion') ?? form.get('client_secret');
  const publicClient = world.publicClients.find(app => app.appId === clientId);
  if (publicClient) {
    if (credential !== undefined) throw new EntraError(700025);
    return { kind: 'public', application: publicClient, proof: '0' };
  }
  const agent = world.agents.find(app => app.appId === clientId);
  if (!agent && clientId !== world.blueprint.appId) throw new EntraError(700016, [clientId, world.tenantName]);
  if (credential === undefined) throw new EntraError(7000218);
  const assertion = form.get('client_assertion');
  if (assertion === undefined) {
    // An agent identity has no credentials of its own: any secret is the wrong one.
    if (agent || !sameText(credential, tenant.switches.blueprintSecret)) throw new EntraError(7000215, [clientId]);
    return { kind: 'blueprint', application: world.blueprint, proof: '1' };
  }
  if (required(form, 'client_assertion_type') !== ASSERTION_TYPE) throw new EntraError(9002313);
  if (agent) {
    await checkExchangeToken(tenant, assertion, agent);
    return { kind: 'agent', application: agent, proof: '2' };
  }
  await checkFederation(tenant, assertion);
  return { kind: 'blueprint', application: world.blueprint, proof: '2' };
}

/** A projected ServiceAccount token against the blueprint's federated credential: exact and case-sensitive. */
async function checkFederation(tenant: Tenant, assertion: string): Promise<void> {
  const { world } = tenant;
  const { header, claims } = parts(assertion, 700027);
  if (claims.iss !== world.clusterIssuer) throw new EntraError(700211, [String(claims.iss)]);
  const audiences = [claims.aud ?? []].flat();
  if (!audiences.includes(FEDERATION_AUDIENCE)) throw new EntraError(700212, [audiences.join(' ')]);
  const subject = `system:serviceaccount:${world.namespace}:${world.serviceAccount}`;
  if (claims.sub !== subject) throw new EntraError(700213, [String(claims.sub)]);
  if (header.kid !== world.clusterKey.kid) throw new EntraError(7000272);
  await verify(assertion, world.clusterKey.publicKey, 7000274);
  checkTime(tenant, claims, 700024);
}

/** A T1 as an agent's client assertion: ours, alive, and bound to this very agent. */
async function checkExchangeToken(tenant: Tenant, assertion: string, agent: Agent): Promise<void> {
  const { world } = tenant;
  const { claims } = parts(assertion, 700027);
  await verify(assertion, world.entraKey.publicKey, 700027);
  if (claims.iss !== tenant.issuerV2) throw new EntraError(700211, [String(claims.iss)]);
  if (claims.aud !== EXCHANGE_APP_ID) throw new EntraError(700212, [String(claims.aud)]);
  if (claims.azp !== world.blueprint.appId || claims.sub?.split('/').at(-1) !== agent.appId)
    throw new EntraError(700213, [String(claims.sub)]);
  checkTime(tenant, claims, 700024);
}

/** The unverified halves of a JWT, or the refusal with `code` for what is none. */
export function parts(jwt: string, code: number): { header: { kid?: string }; claims: JWTPayload } {
  try {
    return { header: decodeProtectedHeader(jwt), claims: decodeJwt(jwt) };
  } catch {
    throw new EntraError(code, ['The token is not a JWT.']);
  }
}

/** Checks an RS256 signature; throws the refusal with `code`. */
export async function verify(jwt: string, key: Parameters<typeof compactVerify>[1], code: number): Promise<void> {
  try {
    await compactVerify(jwt, key, { algorithms: ['RS256'] });
  } catch {
    throw new EntraError(code, ['The signature does not match.']);
  }
}

/** Checks `exp` and `nbf` against the sandbox's clock; throws the refusal with `code`. */
export function checkTime(tenant: Tenant, claims: JWTPayload, code: number): void {
  const now = tenant.world.clock.now() / 1000;
  const { exp = 0, nbf = 0 } = claims;
  const text = (at: number) => new Date(at * 1000).toISOString();
  if (now >= exp || now < nbf) throw new EntraError(code, [text(now), text(exp)]);
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
