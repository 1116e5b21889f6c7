import type { Translate } from '../catalogue.ts';
import type { Place } from '../place.ts';

/** Microsoft Graph by the sign-in host (Microsoft Learn, "Microsoft Graph national cloud deployments"). */
const GRAPH_BY_HOST: Partial<Record<string, string>> = {
  'login.microsoftonline.us': 'https://graph.microsoft.us',
  'login.partner.microsoftonline.cn': 'https://microsoftgraph.chinacloudapi.cn',
};

/** App id of Azure OpenAI's resource (Cognitive Services) in every tenant. */
export const COGNITIVE_SERVICES = '7d312290-28c8-473c-a0ed-8e53749b6d6d';
const COGNITIVE_SERVICES_RESOURCE = /^https:\/\/cognitiveservices\.azure\.com\/?$/;
const GUID_IN_URI = /^(?:api:\/\/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** Calls of Microsoft Graph as text: method and URL, and the JSON body. */
export class Graph {
  readonly #origin: string;

  constructor(place: Place) {
    const host = URL.parse(place.get('authority'))?.host ?? '';
    this.#origin = GRAPH_BY_HOST[host] ?? 'https://graph.microsoft.com';
  }

  call(method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): string {
    const line = `${method} ${this.#origin}/v1.0/${path}`;
    return body ? `${line}\nContent-Type: application/json\n\n${JSON.stringify(body, undefined, 2)}` : line;
  }

  /** The lookup of a resource's service principal: its object id, and the scopes that it offers. */
  principalOf(resource: string): string {
    const appId = appIdOf(resource);
    const select = '$select=id,appId,displayName,oauth2PermissionScopes';
    if (appId) return this.call('GET', `servicePrincipals(appId='${appId}')?${select}`);
    return this.call('GET', `servicePrincipals?$filter=servicePrincipalNames/any(n:n eq '${resource}')&${select}`);
  }
}

/**
 * A blueprint by its app id. For its credentials the address of an ordinary application is not supported
 * (agent-id-ai-guided-setup.md of MicrosoftDocs/entra-docs).
 */
export const blueprintPath = (appId: string): string =>
  `applications(appId='${appId}')/microsoft.graph.agentIdentityBlueprint`;

/** The app id that a resource's identifier names; undefined where it names none. */
export function appIdOf(resource: string): string | undefined {
  return COGNITIVE_SERVICES_RESOURCE.test(resource) ? COGNITIVE_SERVICES : GUID_IN_URI.exec(resource)?.[1];
}

/** The scope that a grant for this resource usually has; the resource's own list has the last word. */
export function scopeOf(resource: string): string {
  return appIdOf(resource) === COGNITIVE_SERVICES ? 'user_impersonation' : 'access_as_user';
}

/** How a call is sent, and with which permission. */
export function sentWith(t: Translate, ...permissions: string[]): string {
  return t(
    'Send it with Graph Explorer (https://aka.ms/ge) or Invoke-MgGraphRequest; permission: {0}.',
    permissions.join(', '),
  );
}

/** Steps of a fix, numbered where there is more than one. */
export function steps(...parts: string[]): string {
  return parts.map((part, index) => (parts.length > 1 ? `${index + 1}. ${part}` : part)).join('\n\n');
}
