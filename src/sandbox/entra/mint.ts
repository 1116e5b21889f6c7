import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { Agent, Api, Application, User } from '../world.ts';
import { noisyList, opaque, packedGuid, pairwise } from './noise.ts';
import { EXCHANGE_APP_ID } from './scopes.ts';
import type { Session } from './sessions.ts';
import type { Tenant } from './tenant.ts';

/*
 * The tokens that this Entra signs. The claim sets follow payloads of the real service that their owners published:
 * Tc and T1 are v2 tokens, T2 for a resource of token version 1 is a v1 token.
 */

/** How the client proved who it is: `azpacr`, `appidacr`. */
export type ClientProof = '0' | '1' | '2';

export interface Minted {
  readonly raw: string;
  /** `expires_in` of the token response, in seconds. */
  readonly expiresIn: number;
}

type Claims = Record<string, unknown>;

/** `iat` and `nbf` lie five minutes in the past, as Entra's do, against clocks that are a little behind. */
const BACKDATED = 300;
/** Facet numbers. Documented: 11 agent identity, 13 agent's user account. Seen on every token, agent or not: 3, 9. */
const PLAIN = [3, 9];
const AGENT = [3, 9, 11];

export interface Facets {
  readonly act: readonly number[];
  readonly sub: readonly number[];
  readonly idrel: readonly number[];
}

export const AGENT_FOR_USER: Facets = { act: AGENT, sub: [3], idrel: [1] };
export const AGENT_USER_ACCOUNT: Facets = { act: AGENT, sub: [3, 13], idrel: [1] };
/** An ordinary application for a user: the blueprint itself, when nobody named an agent. */
export const APP_FOR_USER: Facets = { act: PLAIN, sub: [3], idrel: [1] };
const AUTONOMOUS_AGENT: Facets = { act: AGENT, sub: AGENT, idrel: [7] };

/** Lifetime in seconds of a token with a user: random between 60 and 90 minutes, or what the switch says. */
export function userLifetime(tenant: Tenant): number {
  return tenant.switches.tokenLifetime ?? randomInt(3600, 5400);
}

const APP_LIFETIME = 3600;

/** A token for an API with a user behind it: Tc when the client is a public one, T2 when it is an agent or its blueprint. */
export async function mintUserToken(
  tenant: Tenant,
  request: {
    session: Session;
    client: Application;
    proof: ClientProof;
    resource: Api;
    audience: string;
    scopes: readonly string[];
    oidc: ReadonlySet<string>;
    /** Facets of the actor and the subject, in a token that was exchanged for another. */
    facets?: Facets;
    /** `sub` of the token that it was exchanged for. */
    exchangedSubject?: string;
  },
): Promise<Minted> {
  const { session, client, proof, resource } = request;
  const { user } = session;
  const version = tokenVersion(tenant, resource);
  const lifetime = userLifetime(tenant);
  const facets = emitsAgentClaims(tenant, resource) && request.facets ? facetClaims(tenant, request.facets) : {};
  const microsoft = resource.uri.startsWith('https:');
  const profile = request.oidc.has('profile') || version === 1 || request.facets === undefined;
  const common: Claims = {
    aio: opaque(40),
    ...(version === 2
      ? { azp: client.appId, azpacr: proof }
      : {
          acr: '1',
          amr: session.policies.length > 0 ? ['pwd', 'mfa'] : ['pwd'],
          appid: client.appId,
          appidacr: proof,
          ipaddr: '127.0.0.1',
          family_name: user.familyName,
          given_name: user.givenName,
          unique_name: user.upn,
          upn: user.upn,
        }),
    ...(microsoft && { acct: 0, app_displayname: client.name, idtyp: 'user', tenant_region_scope: 'NA' }),
    ...(profile && { name: user.name }),
    ...(profile && version === 2 && { preferred_username: user.upn }),
    oid: user.oid,
    rh: `1.${opaque(40)}`,
    scp: request.scopes.join(' '),
    sid: session.id,
    sub: pairwise(user.oid, resource.appId),
    tid: tenant.world.tenantId,
    uti: opaque(16),
    ver: `${version}.0`,
    xms_ftd: opaque(48),
    ...(microsoft && request.exchangedSubject && { xms_st: { sub: request.exchangedSubject } }),
    ...facets,
    ...tenant.world.userClaims,
  };
  return signed(tenant, { version, resource, audience: request.audience, lifetime, claims: common });
}

/** An application's own token for an API: autonomous agent, or blueprint. */
export async function mintAppToken(
  tenant: Tenant,
  request: { client: Application; proof: ClientProof; resource: Api; audience: string; agent: boolean },
): Promise<Minted> {
  const { client, proof, resource, agent } = request;
  const version = tokenVersion(tenant, resource);
  const { tenantId } = tenant.world;
  const facets = facetClaims(tenant, agent ? AUTONOMOUS_AGENT : { act: PLAIN, sub: PLAIN, idrel: [7] });
  const claims: Claims = {
    aio: opaque(40),
    ...(version === 2 ? { azp: client.appId, azpacr: proof } : { appid: client.appId, appidacr: proof }),
    idp: tenant.issuerV1,
    idtyp: 'app',
    oid: client.objectId,
    rh: `1.${opaque(40)}`,
    sub: client.objectId,
    tid: tenantId,
    uti: opaque(16),
    ver: `${version}.0`,
    xms_ftd: opaque(48),
    ...(emitsAgentClaims(tenant, resource) && facets),
  };
  return signed(tenant, { version, resource, audience: request.audience, lifetime: APP_LIFETIME, claims });
}

/** T1: the blueprint's token for Entra's exchange resource, bound to one agent identity by its `sub`. */
export async function mintExchangeToken(
  tenant: Tenant,
  proof: ClientProof,
  fmiPath: string | undefined,
): Promise<Minted> {
  const { blueprint, tenantId } = tenant.world;
  const path = `/eid1/c/pub/t/${packedGuid(tenantId)}/a/${packedGuid(blueprint.appId)}/${fmiPath ?? ''}`;
  return signedExchange(tenant, {
    azp: blueprint.appId,
    azpacr: proof,
    oid: blueprint.objectId,
    sub: fmiPath === undefined ? blueprint.objectId : path,
    xms_act_fct: noisyList(PLAIN),
    xms_ficinfo: opaque(11),
    xms_idrel: noisyList([7]),
    xms_sub_fct: noisyList(PLAIN),
  });
}

/** The agent identity's own token for the exchange resource: second leg of the agent's-user-account flow. */
export async function mintAgentExchangeToken(tenant: Tenant, agent: Agent): Promise<Minted> {
  return signedExchange(tenant, {
    azp: agent.appId,
    azpacr: '2',
    oid: agent.objectId,
    sub: agent.objectId,
    xms_ficinfo: opaque(14),
    ...facetClaims(tenant, AUTONOMOUS_AGENT),
  });
}

/** The id token of a sign-in, for the client itself. */
export async function mintIdToken(
  tenant: Tenant,
  request: { session: Session; client: Application; oidc: ReadonlySet<string>; nonce?: string },
): Promise<string> {
  const { session, client, oidc, nonce } = request;
  const { user } = session;
  const now = seconds(tenant);
  return tenant.world.entraKey.sign({
    aud: client.appId,
    iss: tenant.issuerV2,
    iat: now - BACKDATED,
    nbf: now - BACKDATED,
    exp: now + APP_LIFETIME,
    aio: opaque(40),
    ...(oidc.has('email') && { email: user.upn }),
    ...(oidc.has('profile') && { name: user.name }),
    ...(nonce !== undefined && { nonce }),
    oid: user.oid,
    ...(oidc.has('profile') && { preferred_username: user.upn }),
    rh: `1.${opaque(40)}`,
    sid: session.id,
    sub: pairwise(user.oid, client.appId),
    tid: tenant.world.tenantId,
    uti: opaque(16),
    ver: '2.0',
  });
}

/** The `client_info` of a token response: unpadded base64url JSON that names the account. */
export function clientInfo(tenant: Tenant, user: User): string {
  return Buffer.from(JSON.stringify({ uid: user.oid, utid: tenant.world.tenantId })).toString('base64url');
}

function facetClaims(tenant: Tenant, facets: Facets): Claims {
  return {
    xms_act_fct: noisyList(facets.act),
    xms_idrel: noisyList(facets.idrel),
    ...(facets.act.includes(11) && { xms_par_app_azp: tenant.world.blueprint.appId }),
    xms_sub_fct: noisyList(facets.sub),
    xms_tnt_fct: noisyList([3]),
  };
}

/** Microsoft's own APIs always receive the agent claims; a custom one only through its optional claims. */
function emitsAgentClaims(tenant: Tenant, resource: Api): boolean {
  return resource.uri.startsWith('https:') || (resource === tenant.world.mcpApp && tenant.switches.agentClaims);
}

function tokenVersion(tenant: Tenant, resource: Api): 1 | 2 {
  if (resource === tenant.world.blueprint) return tenant.switches.tokenVersion.blueprint;
  if (resource === tenant.world.mcpApp) return tenant.switches.tokenVersion.mcp;
  return resource.tokenVersion;
}

async function signed(
  tenant: Tenant,
  token: { version: 1 | 2; resource: Api; audience: string; lifetime: number; claims: Claims },
): Promise<Minted> {
  const { entraKey, graph } = tenant.world;
  const now = seconds(tenant);
  const payload = {
    aud: token.version === 2 ? token.resource.appId : token.audience,
    iss: token.version === 2 ? tenant.issuerV2 : tenant.issuerV1,
    iat: now - BACKDATED,
    nbf: now - BACKDATED,
    exp: now + token.lifetime,
    ...inEntrasOrder(token.claims),
  };
  const x5t = token.version === 1 ? { x5t: entraKey.kid } : {};
  if (token.resource !== graph) return { raw: await entraKey.sign(payload, x5t), expiresIn: token.lifetime - 1 };
  // Only Graph can check its tokens: the signature covers the hash of the nonce that the header shows.
  const nonce = randomUUID();
  const hash = createHash('sha256').update(nonce).digest('base64url');
  const [header = '', ...rest] = (await entraKey.sign(payload, { ...x5t, nonce: hash })).split('.');
  const shown = { ...(JSON.parse(Buffer.from(header, 'base64url').toString()) as object), nonce };
  return {
    raw: [Buffer.from(JSON.stringify(shown)).toString('base64url'), ...rest].join('.'),
    expiresIn: token.lifetime - 1,
  };
}

async function signedExchange(tenant: Tenant, claims: Claims): Promise<Minted> {
  const now = seconds(tenant);
  const raw = await tenant.world.entraKey.sign({
    aud: EXCHANGE_APP_ID,
    iss: tenant.issuerV2,
    iat: now - BACKDATED,
    nbf: now - BACKDATED,
    exp: now + APP_LIFETIME,
    ...inEntrasOrder({
      aio: opaque(40),
      idtyp: 'app',
      rh: `1.${opaque(40)}`,
      tid: tenant.world.tenantId,
      uti: opaque(16),
      ver: '2.0',
      xms_ftd: opaque(48),
      ...claims,
    }),
  });
  return { raw, expiresIn: APP_LIFETIME - 1 };
}

/** Entra writes the rest of the claims in alphabetical order. */
function inEntrasOrder(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function seconds(tenant: Tenant): number {
  return Math.floor(tenant.world.clock.now() / 1000);
}
