import type { World } from '../world.ts';

/** Issuers of the two token versions; the v1 one keeps Entra's trailing slash. */
export function issuers(origin: string, tenantId: string): { v1: string; v2: string } {
  return { v1: `${origin}/sts/${tenantId}/`, v2: `${origin}/${tenantId}/v2.0` };
}

export interface Addresses {
  /** Where programs go, over TLS. */
  readonly origin: string;
  /** Where people go, over plain http: the pages of the authorization endpoint and the device code. */
  readonly loginOrigin: string;
}

/** `/{tenant}/v2.0/.well-known/openid-configuration`; `common` and `organizations` get Entra's issuer template. */
export function openIdV2({ origin, loginOrigin }: Addresses, tenant: string, world: World): Record<string, unknown> {
  const base = `${origin}/${tenant}`;
  return {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: `${base}/discovery/v2.0/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: issuers(origin, isShared(tenant) ? '{tenantid}' : world.tenantId).v2,
    request_uri_parameter_supported: false,
    userinfo_endpoint: 'https://graph.microsoft.com/oidc/userinfo',
    authorization_endpoint: `${loginOrigin}/${tenant}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
    http_logout_supported: true,
    frontchannel_logout_supported: true,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    claims_supported: [
      ...['sub', 'iss', 'cloud_instance_name', 'cloud_instance_host_name', 'cloud_graph_host_name', 'msgraph_host'],
      ...['aud', 'exp', 'iat', 'auth_time', 'acr', 'nonce', 'preferred_username', 'name', 'tid', 'ver', 'at_hash'],
      ...['c_hash', 'email'],
    ],
    kerberos_endpoint: `${base}/kerberos`,
    tenant_region_scope: 'NA',
    cloud_instance_name: 'microsoftonline.com',
    cloud_graph_host_name: 'graph.windows.net',
    msgraph_host: 'graph.microsoft.com',
    rbac_url: 'https://pas.windows.net',
  };
}

/** `/{tenant}/.well-known/openid-configuration`, the v1 document. */
export function openIdV1(addresses: Addresses, tenant: string, world: World): Record<string, unknown> {
  const { origin } = addresses;
  const base = `${origin}/${tenant}`;
  return {
    ...openIdV2(addresses, tenant, world),
    issuer: issuers(origin, isShared(tenant) ? '{tenantid}' : world.tenantId).v1,
    authorization_endpoint: `${base}/oauth2/authorize`,
    token_endpoint: `${base}/oauth2/token`,
    device_authorization_endpoint: `${base}/oauth2/devicecode`,
    end_session_endpoint: `${base}/oauth2/logout`,
    jwks_uri: `${base}/discovery/keys`,
    userinfo_endpoint: `${base}/openid/userinfo`,
    scopes_supported: ['openid'],
  };
}

/** Answer of the instance discovery for an authority on this host. */
export function instanceDiscovery(origin: string, tenant: string): Record<string, unknown> {
  const host = new URL(origin).host;
  return {
    tenant_discovery_endpoint: `${origin}/${tenant}/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
  };
}

/** The tenant names that stand for no tenant in particular. */
export function isShared(tenant: string): boolean {
  return ['common', 'organizations', 'consumers'].includes(tenant);
}
