import { createHash } from 'node:crypto';
import { authenticate, required, type Client, type Form } from './clients.ts';
import { EntraError } from './errors.ts';
import { AGENT_FOR_USER, APP_FOR_USER, clientInfo, mintIdToken, mintUserToken } from './mint.ts';
import { scripted } from './policy.ts';
import { grantedScope, readScope, type RequestedScope } from './scopes.ts';
import type { Session } from './sessions.ts';
import { takeFault } from './switches.ts';
import type { Tenant } from './tenant.ts';

/** The body of `POST /devicecode`. */
export function deviceAuthorization(tenant: Tenant, form: Form): Record<string, unknown> {
  const { world, switches } = tenant;
  const clientId = required(form, 'client_id').toLowerCase();
  const client = world.publicClients.find(app => app.appId === clientId);
  if (!client && clientId === world.blueprint.appId) throw new EntraError(7000218);
  if (!client) throw new EntraError(700016, [clientId, world.tenantName]);
  const scope = required(form, 'scope');
  readScope(scope, client, world);
  const lifetime = switches.deviceCodeLifetime;
  const expiresAt = world.clock.now() + lifetime * 1000;
  const code = tenant.sessions.newDeviceCode({ client, scope, claims: form.get('claims'), expiresAt });
  return {
    user_code: code.userCode,
    device_code: code.deviceCode,
    verification_uri: tenant.loginUrl,
    expires_in: lifetime,
    interval: switches.deviceCodeInterval,
    message: `To sign in, use a web browser to open the page ${tenant.loginUrl} and enter the code ${code.userCode} to authenticate.`,
  };
}

/** `grant_type=device_code`: one poll. */
export async function redeemDeviceCode(tenant: Tenant, form: Form): Promise<Record<string, unknown>> {
  const client = await authenticate(tenant, form);
  if (client.kind !== 'public') throw new EntraError(9002313);
  const code = tenant.sessions.deviceCode(required(form, 'device_code'));
  const fault = takeFault(tenant.switches, 'deviceFault');
  if (fault !== undefined) throw scripted(fault);
  const { deviceCode: script } = tenant.switches;
  if (!code || code.client !== client.application || script === 'badCode') throw new EntraError(70018);
  if (script === 'expired' || tenant.world.clock.now() >= code.expiresAt) throw new EntraError(70020);
  if (script === 'declined' || code.state === 'declined')
    throw new EntraError(70018, [], { error: 'authorization_declined', text: 'The user declined the authorization.' });
  if (script === 'slowDown')
    throw new EntraError(70016, [], { error: 'slow_down', text: 'The client polls faster than the interval allows.' });
  if (code.state === 'pending') throw new EntraError(70016);
  if (code.state === 'redeemed') throw new EntraError(90120);
  const session = code.state;
  code.state = 'redeemed';
  return userTokens(tenant, client, session, code.scope, form);
}

/** `grant_type=authorization_code` with PKCE. */
export async function redeemAuthorizationCode(tenant: Tenant, form: Form): Promise<Record<string, unknown>> {
  const client = await authenticate(tenant, form);
  const code = tenant.sessions.takeAuthorizationCode(required(form, 'code'));
  if (!code || code.session.client !== client.application) throw new EntraError(70000);
  if (tenant.world.clock.now() >= code.expiresAt) throw new EntraError(70008);
  if (form.get('redirect_uri') !== code.redirectUri)
    throw new EntraError(50011, [form.get('redirect_uri') ?? '', client.application.name]);
  const verifier = required(form, 'code_verifier');
  if (createHash('sha256').update(verifier).digest('base64url') !== code.challenge) throw new EntraError(501481);
  return userTokens(tenant, client, code.session, form.get('scope') ?? code.scope, form, code.nonce);
}

/** `grant_type=refresh_token`, for the user's client and, with a fresh T1, for an agent. */
export async function refresh(tenant: Tenant, form: Form): Promise<Record<string, unknown>> {
  const client = await authenticate(tenant, form);
  const token = tenant.sessions.refreshToken(required(form, 'refresh_token'));
  const fault = takeFault(tenant.switches, 'refreshFault');
  if (fault !== undefined) throw scripted(fault);
  if (token === 'revoked') throw new EntraError(50173);
  if (!token || token.clientId !== client.application.appId) throw new EntraError(70000);
  return userTokens(tenant, client, token.session, form.get('scope') ?? token.scope, form);
}

/** The token response of a sign-in or of its refresh. */
async function userTokens(
  tenant: Tenant,
  client: Client,
  session: Session,
  scopeText: string,
  form: Form,
  nonce?: string,
): Promise<Record<string, unknown>> {
  const scope = readScope(scopeText, client.application, tenant.world);
  const { resource } = scope;
  if (resource === 'exchange') throw new EntraError(70011, [scopeText]);
  const { application, proof } = client;
  const { audience, names: scopes, oidc } = scope;
  const facets = { public: undefined, agent: AGENT_FOR_USER, blueprint: APP_FOR_USER }[client.kind];
  const request = { session, client: application, proof, resource, audience, scopes, oidc, facets };
  return userResponse(tenant, {
    client,
    session,
    scope,
    scopeText,
    form,
    token: await mintUserToken(tenant, request),
    nonce,
  });
}

/** Assembles a token response: refresh and id token only when their scopes were asked for. */
export async function userResponse(
  tenant: Tenant,
  answer: {
    client: Client;
    session: Session;
    scope: RequestedScope;
    scopeText: string;
    form: Form;
    token: { raw: string; expiresIn: number };
    nonce?: string;
  },
): Promise<Record<string, unknown>> {
  const { client, session, scope, form, token } = answer;
  const clientId = client.application.appId;
  return {
    token_type: 'Bearer',
    scope: grantedScope(scope),
    expires_in: token.expiresIn,
    ext_expires_in: token.expiresIn,
    access_token: token.raw,
    ...(scope.oidc.has('offline_access') && {
      refresh_token: tenant.sessions.newRefreshToken({ session, clientId, scope: answer.scopeText }),
    }),
    ...(scope.oidc.has('openid') && {
      id_token: await mintIdToken(tenant, {
        session,
        client: client.application,
        oidc: scope.oidc,
        nonce: answer.nonce,
      }),
    }),
    ...(form.get('client_info') === '1' && { client_info: clientInfo(tenant, session.user) }),
  };
}
