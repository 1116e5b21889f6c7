/** What a request to the sidecar may ask for in its query; parameter names are case-insensitive. */
export interface Overrides {
  readonly agentIdentity: string | undefined;
  readonly agentUsername: string | undefined;
  readonly agentUserId: string | undefined;
  readonly scopes: readonly string[];
  readonly requestAppToken: boolean;
  readonly forceRefresh: boolean;
  readonly tenant: string | undefined;
  readonly claims: string | undefined;
  readonly relativePath: string | undefined;
  readonly httpMethod: string | undefined;
  readonly acceptHeader: string | undefined;
  readonly extraHeaders: ReadonlyMap<string, string>;
  readonly extraQuery: ReadonlyMap<string, string>;
}

const GUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The request without any override: what a route that does not honour them works with. */
export const NO_OVERRIDES: Overrides = readOverrides(new URLSearchParams());

/** Reads a query as the sidecar does: the last value wins, scopes add up, booleans can only be switched on. */
export function readOverrides(query: URLSearchParams): Overrides {
  const all = (name: string) =>
    [...query]
      .filter(([key, value]) => key.toLowerCase() === name.toLowerCase() && value.trim())
      .map(([, value]) => value);
  const last = (name: string) => all(name).at(-1);
  const option = (name: string) => last(`optionsOverride.${name}`);
  const isOn = (name: string) => option(name)?.toLowerCase() === 'true';
  const extra = (name: string) => {
    const prefix = `optionsOverride.${name}.`;
    const entries = [...query].filter(([key, value]) => key.toLowerCase().startsWith(prefix.toLowerCase()) && value);
    return new Map(entries.map(([key, value]) => [key.slice(prefix.length), value]));
  };
  const agentUserId = last('AgentUserId');
  return {
    agentIdentity: last('AgentIdentity'),
    agentUsername: last('AgentUsername'),
    agentUserId: agentUserId && GUID.test(agentUserId) ? agentUserId : undefined, // a bad one is ignored up to 1.1.1
    scopes: all('optionsOverride.Scopes'),
    requestAppToken: isOn('RequestAppToken'),
    forceRefresh: isOn('AcquireTokenOptions.ForceRefresh'),
    tenant: option('AcquireTokenOptions.Tenant'),
    claims: option('AcquireTokenOptions.Claims'),
    relativePath: option('RelativePath'),
    httpMethod: option('HttpMethod'),
    acceptHeader: option('AcceptHeader'),
    extraHeaders: extra('ExtraHeaderParameters'),
    extraQuery: extra('ExtraQueryParameters'),
  };
}
