import type { AuthenticationResult } from '@azure/msal-node';
import { orAborted } from '../../src/base/abort.ts';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { Authority } from '../../src/identity/authority.ts';
import { acquireInBrowser } from '../../src/identity/browserFlow.ts';
import { decodeToken, textClaim } from '../../src/identity/claims.ts';
import { createMsal, translate } from '../../src/identity/msal.ts';
import { EntraNetwork } from '../../src/identity/network.ts';
import type { BrowserOptions } from '../../src/identity/types.ts';
import { GRAPH } from '../../src/identity/wellKnown.ts';
import { sayer } from '../../src/views/messages/index.ts';
import { AZURE } from './azure.ts';
import { TenantError } from './errors.ts';
import { words } from './requests.ts';
import type { World } from './world.ts';

export const LOGIN = 'https://login.microsoftonline.com';

/** Microsoft Graph Command Line Tools: in every tenant, and the client that Microsoft's own guide for blueprints uses. */
export const GRAPH_CLIENT = '14d82eec-204b-4c2f-b7e8-296a70dab67e';
/** The Azure CLI: the client that Azure Resource Manager knows in every tenant; the one for Graph is refused there (AADSTS65002). */
const AZURE_CLIENT = '04b07795-8ddb-461a-bbee-02f9e1bf7b46';

/**
 * With one of these in the token Graph ignores the permissions to change agent identities and answers 403 (known issue
 * in rbac-agentid-apis-write.md of microsoft-graph-docs-contrib). They come along when somebody consented to them before.
 */
const SPOILERS = ['Directory.AccessAsUser.All', 'Directory.ReadWrite.All'];

/** The delegated permissions that each command needs, and no more (the permissions tables of the calls in requests.ts). */
export const PERMISSIONS = {
  setup: [
    'AgentIdentity.Create.All',
    'AgentIdentity.Read.All',
    'AgentIdentityBlueprint.AddRemoveCreds.All',
    'AgentIdentityBlueprint.Create',
    'AgentIdentityBlueprint.Read.All',
    'AgentIdentityBlueprint.UpdateAuthProperties.All',
    'AgentIdentityBlueprintPrincipal.Create',
    'Application.ReadWrite.All',
    'DelegatedPermissionGrant.ReadWrite.All',
  ],
  check: ['AgentIdentity.Read.All', 'AgentIdentityBlueprint.Read.All', 'Application.Read.All', 'Directory.Read.All'],
  remove: [
    'AgentIdentity.DeleteRestore.All',
    'AgentIdentity.Read.All',
    'AgentIdentityBlueprint.DeleteRestore.All',
    'AgentIdentityBlueprint.Read.All',
    'Application.ReadWrite.All',
  ],
} as const;

export interface SignedIn {
  readonly token: string;
  /** Object id of the person. */
  readonly oid: string;
}

/** Where and as which public client a person signs in. */
export interface SignInTarget {
  readonly tenantId: string;
  readonly clientId: string;
  /** In a browser on this machine; else with a device code, which works from anywhere and which many tenants block. */
  readonly browser: boolean;
}

/** Signs in for Graph with exactly these permissions. Throws `TenantError`, also when the token is one that Graph refuses. */
export async function signInToGraph(
  world: World,
  target: SignInTarget,
  permissions: readonly string[],
): Promise<SignedIn> {
  const result = await acquire(
    world,
    target,
    'Microsoft Graph',
    permissions.map(name => `${GRAPH}/${name}`),
  );
  const granted = grantedScopes(result);
  const spoiler = permissions === PERMISSIONS.check ? undefined : SPOILERS.find(name => granted.includes(name));
  if (spoiler !== undefined)
    throw new TenantError(
      `The client ${target.clientId} already has consent for ${spoiler} in this tenant, and with that in its token Microsoft Graph refuses to manage agent identities.`,
      'Register a client of your own and give it with --client-id, or have that consent removed: docs/setup-tenant.md#signing-in.',
    );
  const missing = permissions.filter(name => !granted.includes(name));
  if (missing.length > 0)
    throw new TenantError(
      `The token lacks ${missing.join(', ')}.`,
      'An administrator has to consent to these permissions for this client (docs/setup-tenant.md#signing-in), or do it in your place: npm run tenant -- print writes down what.',
    );
  return accept(result);
}

/** Signs in for Azure Resource Manager: another resource and another client, so once more. */
export async function signInToAzure(world: World, target: SignInTarget): Promise<SignedIn> {
  return accept(await acquire(world, { ...target, clientId: AZURE_CLIENT }, 'Azure', [`${AZURE}/user_impersonation`]));
}

async function acquire(
  world: World,
  { tenantId, clientId, browser }: SignInTarget,
  what: string,
  scopes: string[],
): Promise<AuthenticationResult> {
  const authority = new Authority(`${LOGIN}/${tenantId}`, false);
  const { fetch, signal } = world;
  const clock = { now: () => world.now() };
  const way = browser ? 'browser' : 'deviceCode';
  const network = new EntraNetwork({ authority, fetch, signal, logger: silentLogger, clock, way });
  const msal = await createMsal({ authority, known: false, clientId, network, logger: silentLogger });
  const deviceCodeCallback = (code: { verificationUri: string; userCode: string }) =>
    world.say(`Sign in for ${what}: open ${code.verificationUri} and enter ${code.userCode}`);
  const page: BrowserOptions = {
    open: async address => world.say(`Sign in for ${what}: open this in a browser on this machine\n${address}`),
    reach: async port => port,
    closing: { text: 'You can close this page: the script goes on from here.', language: 'en' },
  };
  try {
    const result = await orAborted(
      browser
        ? acquireInBrowser(msal, { authority, scopes, signal, clock }, page)
        : msal.acquireTokenByDeviceCode({ scopes, deviceCodeCallback }),
      signal,
    );
    if (!result) throw new Error('No token.');
    return result;
  } catch (error) {
    throw explain(translate(error, network, signal));
  }
}

/** Scopes by their short names: what Entra said, and what the token itself says. */
function grantedScopes(result: AuthenticationResult): string[] {
  const short = (scope: string) => scope.replace(`${GRAPH}/`, '');
  return [...result.scopes, ...words(textClaim(decodeToken(result.accessToken).claims, 'scp') ?? '')].map(short);
}

function accept(result: AuthenticationResult): SignedIn {
  const oid = result.account?.idTokenClaims?.oid;
  if (!oid)
    throw new TenantError('Entra did not say who signed in.', 'Sign in with a work or school account of the tenant.');
  return { token: result.accessToken, oid };
}

/** The extension's own words for what Entra refused; its next steps are about the editor, so the page says the rest. */
function explain(error: unknown): unknown {
  if (!AgentIdError.is(error)) return error;
  const { sentence } = sayer((text, ...values) =>
    text.replace(/\{(\d+)\}/g, (_, index) => String(values[Number(index)])),
  )(error);
  return new TenantError(
    sentence,
    `See docs/troubleshooting.md#${error.code} and docs/setup-tenant.md#signing-in.`,
    error,
  );
}
