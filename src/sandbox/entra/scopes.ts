import type { Api, Application, World } from '../world.ts';
import { EntraError } from './errors.ts';
import type { ResourceKey } from './switches.ts';

const OIDC = new Set(['openid', 'profile', 'email', 'offline_access']);

/** App id of Entra's token-exchange resource: `aud` of every T1. */
export const EXCHANGE_APP_ID = 'fb60f99c-7a34-4190-8149-302f77469936';
const EXCHANGE_URIS = ['api://AzureADTokenExchange', EXCHANGE_APP_ID];

export interface RequestedScope {
  /** `openid`, `profile`, `email`, `offline_access`: those that were asked for. */
  readonly oidc: ReadonlySet<string>;
  /** The one resource, or `exchange` for the token-exchange resource. */
  readonly resource: Api | 'exchange';
  /** How the request named it: v1 tokens repeat it in `aud`. */
  readonly audience: string;
  /** The request ended in `/.default`. */
  readonly isDefault: boolean;
  /** Granted delegated scopes. */
  readonly names: readonly string[];
}

/** The applications that a token can be for, under the names that the control endpoint uses. */
export function resources(world: World): Readonly<Record<ResourceKey | 'blueprint', Api>> {
  return { openai: world.azureOpenAi, mcp: world.mcpApp, graph: world.graph, blueprint: world.blueprint };
}

/** Reads a `scope` parameter for one client; throws Entra's refusals for unknown or several resources. */
export function readScope(scope: string | undefined, client: Application, world: World): RequestedScope {
  if (!scope?.trim()) throw new EntraError(900144, ['scope']);
  const oidc = new Set<string>();
  const wanted = new Map<string, Set<string>>();
  for (const item of scope.trim().split(/\s+/)) {
    if (OIDC.has(item)) {
      oidc.add(item);
      continue;
    }
    const slash = item.lastIndexOf('/');
    const resource = slash < 0 ? world.graph.uri : item.slice(0, slash);
    const name = item.slice(slash + 1);
    if (!name) throw new EntraError(70011, [item]);
    wanted.set(resource, (wanted.get(resource) ?? new Set()).add(name));
  }
  if (wanted.size > 1) throw new EntraError(700022);
  const [audience, names] = [...wanted][0] ?? [world.graph.uri, new Set<string>()];
  const isDefault = names.has('.default');
  if (isDefault && names.size > 1) throw new EntraError(70011, [scope]);
  if (EXCHANGE_URIS.includes(audience)) return { oidc, resource: 'exchange', audience, isDefault, names: [] };
  const resource = Object.values(resources(world)).find(api => [api.uri, `${api.uri}/`, api.appId].includes(audience));
  if (!resource) throw new EntraError(500011, [audience, world.tenantName]);
  for (const name of names)
    if (name !== '.default' && name !== resource.scope)
      throw new EntraError(650053, [client.name, name, resource.name]);
  const granted = names.size === 0 ? ['openid', 'profile', 'email'] : [resource.scope];
  return { oidc, resource, audience, isDefault, names: granted };
}

/** The `scope` of a token response: granted scopes with their resource, and the `.default` that was asked for. */
export function grantedScope({ audience, names, isDefault }: RequestedScope): string {
  return [...names, ...(isDefault ? ['.default'] : [])]
    .map(name => (isOidc(name) ? name : `${audience}/${name}`))
    .join(' ');
}

function isOidc(name: string): boolean {
  return OIDC.has(name);
}
