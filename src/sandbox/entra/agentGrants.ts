import type { JWTPayload } from 'jose';
import type { Api } from '../world.ts';
import { authenticate, checkTime, parts, required, verify, type Client, type Form } from './clients.ts';
import { EntraError } from './errors.ts';
import {
  AGENT_FOR_USER,
  AGENT_USER_ACCOUNT,
  APP_FOR_USER,
  mintAgentExchangeToken,
  mintAppToken,
  mintExchangeToken,
  mintUserToken,
  type Minted,
} from './mint.ts';
import { CHALLENGE, POLICY_ID, scripted } from './policy.ts';
import { EXCHANGE_APP_ID, readScope, resources } from './scopes.ts';
import type { Session } from './sessions.ts';
import { takeFault, type ResourceKey } from './switches.ts';
import type { Tenant } from './tenant.ts';
import { userResponse } from './userGrants.ts';

/** `grant_type=client_credentials`: T1, an autonomous agent's token, or the blueprint's own token for Graph. */
export async function clientCredentials(tenant: Tenant, form: Form): Promise<Record<string, unknown>> {
  const client = await authenticate(tenant, form);
  if (client.kind === 'public') throw new EntraError(7000218);
  const scope = readScope(form.get('scope'), client.application, tenant.world);
  if (!scope.isDefault) throw new EntraError(70011, [form.get('scope') ?? '']);
  const fault = scope.resource === 'exchange' ? takeFault(tenant.switches, 'exchangeFault') : undefined;
  if (fault !== undefined) throw scripted(fault, [client.application.appId, tenant.world.tenantName]);
  if (scope.resource === 'exchange')
    return appResponse(
      client.kind === 'agent'
        ? await mintAgentExchangeToken(tenant, client.application)
        : await mintExchangeToken(tenant, client.proof, form.get('fmi_path')),
    );
  const { resource, audience } = scope;
  if (client.kind === 'blueprint' && resource !== tenant.world.graph)
    throw new EntraError(82001, [client.application.appId, audience]);
  const { application, proof } = client;
  const agent = client.kind === 'agent';
  return appResponse(await mintAppToken(tenant, { client: application, proof, resource, audience, agent }));
}

/** `grant_type=…:jwt-bearer` with `requested_token_use=on_behalf_of`: T2. */
export async function onBehalfOf(tenant: Tenant, form: Form): Promise<Record<string, unknown>> {
  const client = await authenticate(tenant, form);
  if (client.kind === 'public') throw new EntraError(7000218);
  if (required(form, 'requested_token_use') !== 'on_behalf_of') throw new EntraError(9002313);
  const scopeText = required(form, 'scope');
  const scope = readScope(scopeText, client.application, tenant.world);
  const fault = takeFault(tenant.switches, 'oboFault');
  if (fault !== undefined) throw scripted(fault, [client.application.appId, client.application.name]);
  const claims = await checkAssertion(tenant, client, required(form, 'assertion'));
  const session = tenant.sessions.session(claims.sid);
  const { resource, audience, names: scopes, oidc } = scope;
  if (!session) throw new EntraError(50013, ['The session of the assertion is not known.']);
  if (resource === 'exchange') throw new EntraError(70011, [scopeText]);
  checkConsent(tenant, client, resource);
  checkPolicy(tenant, session, resource, audience);
  const token = await mintUserToken(tenant, {
    session,
    client: client.application,
    proof: client.proof,
    resource,
    audience,
    scopes,
    oidc,
    facets: client.kind === 'agent' ? AGENT_FOR_USER : APP_FOR_USER,
    exchangedSubject: claims.sub,
  });
  return userResponse(tenant, { client, session, scope, scopeText, form, token });
}

/** `grant_type=user_fic`: the agent's own user account, from T1 and the agent's exchange token. */
export async function agentUser(tenant: Tenant, form: Form): Promise<Record<string, unknown>> {
  const client = await authenticate(tenant, form);
  if (client.kind !== 'agent') throw new EntraError(9002313);
  const agent = client.application;
  const proof = required(form, 'user_federated_identity_credential');
  const { claims } = parts(proof, 50013);
  await verify(proof, tenant.world.entraKey.publicKey, 50013);
  checkTime(tenant, claims, 500133);
  if (claims.aud !== EXCHANGE_APP_ID || claims.azp !== agent.appId || claims.sub !== agent.objectId)
    throw new EntraError(50013, ["The user's federated credential does not match the agent."]);
  const { userAccount } = agent;
  const wanted = form.get('user_id') ?? required(form, 'username');
  if (![userAccount.oid, userAccount.upn.toLowerCase()].includes(wanted.toLowerCase()))
    throw new EntraError(50034, [wanted]);
  const scopeText = required(form, 'scope');
  const scope = readScope(scopeText, agent, tenant.world);
  const { resource, audience, names: scopes, oidc } = scope;
  if (resource === 'exchange') throw new EntraError(70011, [scopeText]);
  checkConsent(tenant, client, resource);
  const session = tenant.sessions.signIn(userAccount, agent, undefined);
  const facets = AGENT_USER_ACCOUNT;
  const token = await mintUserToken(tenant, {
    session,
    client: agent,
    proof: '2',
    resource,
    audience,
    scopes,
    oidc,
    facets,
  });
  return userResponse(tenant, { client, session, scope, scopeText, form, token });
}

/** The user's token as an assertion: ours, of a user, for the blueprint, alive. */
async function checkAssertion(tenant: Tenant, client: Client, assertion: string): Promise<JWTPayload> {
  const { blueprint, entraKey } = tenant.world;
  const { claims } = parts(assertion, 50013);
  if (claims.iss !== tenant.issuerV1 && claims.iss !== tenant.issuerV2)
    throw new EntraError(50013, ['The issuer of the assertion is not trusted.']);
  await verify(assertion, entraKey.publicKey, 50013);
  const audience = [claims.aud ?? ''].flat().join(' ');
  if (audience !== blueprint.appId && audience !== blueprint.uri)
    throw new EntraError(500131, [audience, blueprint.appId]);
  if (claims.idtyp === 'app') throw new EntraError(7000114, [client.application.appId]);
  checkTime(tenant, claims, 500133);
  return claims;
}

function checkConsent(tenant: Tenant, client: Client, resource: Api): void {
  const name = client.kind === 'agent' ? client.application.deployment : 'blueprint';
  if (tenant.switches.consentMissing.includes(`${name}/${resourceKey(tenant, resource)}`))
    throw new EntraError(65001, [client.application.appId, client.application.name]);
}

function checkPolicy(tenant: Tenant, session: Session, resource: Api, audience: string): void {
  const { kind, resources: covered } = tenant.switches.conditionalAccess;
  const key = resourceKey(tenant, resource);
  if (key === 'blueprint' || !covered.includes(key)) return;
  const met =
    kind === 'none' ||
    (kind === 'mfa' && session.policyRound === tenant.sessions.policyRound) ||
    (kind === 'mfaWithClaims' && session.policies.includes(POLICY_ID));
  if (!met) throw new EntraError(kind === 'block' ? 53003 : 50076, [audience], { claims: CHALLENGE });
}

function resourceKey(tenant: Tenant, resource: Api): ResourceKey | 'blueprint' {
  const found = Object.entries(resources(tenant.world)).find(([, api]) => api === resource);
  return (found?.[0] ?? 'graph') as ResourceKey | 'blueprint';
}

function appResponse(token: Minted): Record<string, unknown> {
  const { raw, expiresIn } = token;
  return { token_type: 'Bearer', expires_in: expiresIn, ext_expires_in: expiresIn, access_token: raw };
}
