// Every change that the script makes, as a request: `setup` sends them and `print` shows them, so that both say the same.
// Sources: MicrosoftDocs/entra-docs docs/agent-id/create-blueprint.md and create-delete-agent-identities.md;
// api-reference/v1.0/api of microsoft-graph-docs-contrib (agentidentity*, application-*, oauth2permissiongrant-*).
import { createHash } from 'node:crypto';
import { GRAPH } from '../../src/identity/wellKnown.ts';
import type { Application, Grant } from './schemas.ts';

export interface GraphRequest {
  readonly method: 'POST' | 'PATCH' | 'DELETE';
  /** Behind the version. */
  readonly path: string;
  readonly body?: unknown;
}

/** Tag of every application that this script made; it changes and deletes no other. */
export const MARK = 'agent-id-vscode';
export const SCOPE = 'access_as_user';
export const AUDIENCE = 'api://AzureADTokenExchange';
/** The API behind Azure OpenAI, and its only scope. */
export const COGNITIVE_SERVICES = { appId: '7d312290-28c8-473c-a0ed-8e53749b6d6d', scope: 'user_impersonation' };
/** Microsoft Graph, and what a sign-in asks of it beside the blueprint's scope (src/identity/msal.ts; MSAL adds them). */
export const SIGN_IN = {
  appId: '00000003-0000-0000-c000-000000000000',
  scopes: ['openid', 'profile', 'offline_access'],
};
/** Name of the credential that lives for the minutes in which agent identities are created. */
export const TEMPORARY = 'agent-id-vscode temporary';
/** What the gateway's rules read of an agent's token; a custom API has to ask for it (idweb issue 3882). */
export const AGENT_CLAIMS = ['xms_act_fct', 'xms_sub_fct', 'xms_par_app_azp', 'xms_idrel', 'xms_tnt_fct'];

const BLUEPRINT = 'microsoft.graph.agentIdentityBlueprint';
const userUrl = (id: string) => `${GRAPH}/v1.0/users/${id}`;

export function createBlueprint(displayName: string, sponsor: string): GraphRequest {
  return {
    method: 'POST',
    path: `/applications/${BLUEPRINT}`,
    body: {
      '@odata.type': '#microsoft.graph.agentIdentityBlueprint',
      displayName,
      tags: [MARK],
      'sponsors@odata.bind': [userUrl(sponsor)],
    },
  };
}

export function createBlueprintPrincipal(appId: string): GraphRequest {
  return {
    method: 'POST',
    path: '/servicePrincipals/microsoft.graph.agentIdentityBlueprintPrincipal',
    body: { appId },
  };
}

export function createAgent(displayName: string, blueprintAppId: string, sponsor: string): GraphRequest {
  return {
    method: 'POST',
    path: '/servicePrincipals/microsoft.graph.agentIdentity',
    body: {
      displayName,
      agentIdentityBlueprintId: blueprintAppId,
      'sponsors@odata.bind': [userUrl(sponsor)],
    },
  };
}

export function addTemporarySecret(objectId: string, endDateTime: string): GraphRequest {
  const body = { passwordCredential: { displayName: TEMPORARY, endDateTime } };
  return { method: 'POST', path: `/applications/${objectId}/${BLUEPRINT}/addPassword`, body };
}

export function removeSecret(objectId: string, keyId: string): GraphRequest {
  return { method: 'POST', path: `/applications/${objectId}/${BLUEPRINT}/removePassword`, body: { keyId } };
}

export function createApplication(displayName: string): GraphRequest {
  return { method: 'POST', path: '/applications', body: { displayName, signInAudience: 'AzureADMyOrg', tags: [MARK] } };
}

export function createPrincipal(appId: string): GraphRequest {
  return { method: 'POST', path: '/servicePrincipals', body: { appId } };
}

/** What of an application a change has to know, so that nothing of others is lost. */
type Part<K extends keyof Application> = Pick<Application, 'id' | 'appId' | K>;

/** Address and scope. Version 1 of the tokens is said where the application chose another (`v1`): the gateway reads `appid`. */
export function expose(app: Part<'identifierUris' | 'api'>, words: ScopeWords, v1: boolean): GraphRequest {
  const uri = `api://${app.appId}`;
  const others = app.api?.oauth2PermissionScopes.filter(({ value }) => value !== SCOPE) ?? [];
  const held = app.api?.oauth2PermissionScopes.find(({ value }) => value === SCOPE);
  const scope = held ? { ...held, isEnabled: true } : newScope(app.appId, words);
  return patch(app.id, words.blueprint, {
    identifierUris: [...new Set([...app.identifierUris, uri])],
    api: { oauth2PermissionScopes: [...others, scope], ...(v1 && { requestedAccessTokenVersion: 1 }) },
  });
}

export interface ScopeWords {
  readonly blueprint: boolean;
  /** As a person reads it on the consent page. */
  readonly what: string;
}

export const SCOPE_WORDS: Record<'blueprint' | 'mcp', ScopeWords> = {
  blueprint: { blueprint: true, what: 'the agents' },
  mcp: { blueprint: false, what: 'the tools of the agents' },
};

function newScope(appId: string, { what }: ScopeWords): object {
  return {
    id: stableGuid(`${appId} ${SCOPE}`), // a repeated request must not make a second scope
    value: SCOPE,
    type: 'User',
    isEnabled: true,
    adminConsentDisplayName: `Use ${what} as the signed-in user`,
    adminConsentDescription: `Allows the application to use ${what} on behalf of the signed-in user.`,
    userConsentDisplayName: `Use ${what} as you`,
    userConsentDescription: `Allows the application to use ${what} on your behalf.`,
  };
}

export function emitAgentClaims(app: Part<'optionalClaims'>): GraphRequest {
  const held = app.optionalClaims?.accessToken ?? [];
  const missing = AGENT_CLAIMS.filter(name => !held.some(claim => claim.name === name));
  const accessToken = [...held, ...missing.map(name => ({ name, essential: false }))];
  return patch(app.id, false, { optionalClaims: { ...app.optionalClaims, accessToken } });
}

export function configureClient(
  app: Part<'publicClient' | 'requiredResourceAccess'>,
  blueprintAppId: string,
  scopeId: string,
): GraphRequest {
  const others = app.requiredResourceAccess.filter(({ resourceAppId }) => resourceAppId !== blueprintAppId);
  const held = app.requiredResourceAccess.find(({ resourceAppId }) => resourceAppId === blueprintAppId);
  const access = held?.resourceAccess.filter(({ id }) => id !== scopeId) ?? [];
  return patch(app.id, false, {
    isFallbackPublicClient: true, // else a device code ends in AADSTS7000218
    publicClient: {
      redirectUris: [...new Set([...(app.publicClient?.redirectUris ?? []), ...redirectUris(app.appId)])],
    },
    requiredResourceAccess: [
      ...others,
      { resourceAppId: blueprintAppId, resourceAccess: [...access, { id: scopeId, type: 'Scope' }] },
    ],
  });
}

/** Browser, the editor's account, and the account brokers of Windows and macOS: docs/sign-in.md has the reasons. */
export function redirectUris(appId: string): string[] {
  return [
    'http://localhost',
    'https://vscode.dev/redirect',
    `ms-appx-web://Microsoft.AAD.BrokerPlugin/${appId}`,
    'msauth.com.microsoft.VSCode.helper://auth',
  ];
}

/** The client may use the blueprint's scope, and nobody is asked for that. */
export function preAuthorize(blueprint: Part<'api'>, clientAppId: string, scopeId: string): GraphRequest {
  const list = blueprint.api?.preAuthorizedApplications ?? [];
  const held = list.find(({ appId }) => appId === clientAppId);
  const ids = [...new Set([...(held?.delegatedPermissionIds ?? []), scopeId])];
  const others = list.filter(({ appId }) => appId !== clientAppId);
  return patch(blueprint.id, true, {
    api: { preAuthorizedApplications: [...others, { ...held, appId: clientAppId, delegatedPermissionIds: ids }] },
  });
}

/**
 * Credentials of a blueprint. The address of an ordinary application works for it now and then, and is not supported
 * (agent-id-ai-guided-setup.md of MicrosoftDocs/entra-docs).
 */
export const federationPath = (objectId: string) =>
  `/applications/${objectId}/${BLUEPRINT}/federatedIdentityCredentials`;

export interface Federation {
  readonly issuer: string;
  /** `system:serviceaccount:<namespace>:<name>`. */
  readonly subject: string;
}

/**
 * One for each cluster and ServiceAccount, named as the Doctor names it and with what tells clusters apart, so that a
 * second cluster does not replace the first.
 */
export function federate(objectId: string, { issuer, subject }: Federation): GraphRequest {
  const [namespace, account] = subject.split(':').slice(-2);
  const name = `kubernetes-${namespace}-${account}-${stableGuid(`${issuer} ${subject}`).slice(0, 8)}`;
  const body = { name, issuer, subject, audiences: [AUDIENCE] };
  return { method: 'POST', path: federationPath(objectId), body };
}

export function mendFederation(objectId: string, credentialId: string): GraphRequest {
  const path = `${federationPath(objectId)}/${credentialId}`;
  return { method: 'PATCH', path, body: { audiences: [AUDIENCE] } };
}

/** For all users of the tenant: the client may use the API for whoever signs in. Both are object ids of principals. */
export function consent(
  clientId: string,
  resourceId: string,
  scopes: readonly string[],
  held: Grant | undefined,
): GraphRequest {
  if (held) {
    const all = [...new Set([...words(held.scope), ...scopes])];
    return { method: 'PATCH', path: `/oauth2PermissionGrants/${held.id}`, body: { scope: all.join(' ') } };
  }
  const body = { clientId, consentType: 'AllPrincipals', resourceId, scope: scopes.join(' ') };
  return { method: 'POST', path: '/oauth2PermissionGrants', body };
}

export const deleteAgent = (id: string): GraphRequest => ({
  method: 'DELETE',
  path: `/servicePrincipals/${id}/microsoft.graph.agentIdentity`,
});
export const deleteApplication = (objectId: string, blueprint: boolean): GraphRequest => ({
  method: 'DELETE',
  path: `/applications/${objectId}${blueprint ? `/${BLUEPRINT}` : ''}`,
});

function patch(objectId: string, blueprint: boolean, body: object): GraphRequest {
  return { method: 'PATCH', path: `/applications/${objectId}${blueprint ? `/${BLUEPRINT}` : ''}`, body };
}

export const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** The same GUID for the same text, on every machine. */
export function stableGuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  // RFC 9562 §5.8: version 8 is free to be made in one's own way
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
