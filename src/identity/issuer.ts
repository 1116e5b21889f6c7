import type { Authority } from './authority.ts';

/** Issuers of version 1.0 tokens, by the login host of their cloud; the default is the worldwide one. */
const V1_ISSUERS: Readonly<Record<string, string>> = {
  'login.partner.microsoftonline.cn': 'https://sts.chinacloudapi.cn',
  'login.chinacloudapi.cn': 'https://sts.chinacloudapi.cn',
};
const V1_DEFAULT = 'https://sts.windows.net';
/** Other names of the worldwide login host: the tokens that are asked for there name this one as their issuer. */
const ALIASES = new Set(['login.microsoft.com', 'login.windows.net']);

/**
 * What an authority writes into `iss`, by token version (Microsoft Learn, "Access tokens in the Microsoft identity
 * platform"). The version follows from the resource, not from the endpoint that was called. An authority of another
 * host than Microsoft's, the sandbox, issues both from its own.
 */
export function issuersOf(authority: Authority, tenantId: string): { v1: string; v2: string } {
  const { origin, hostname } = new URL(authority.url);
  const tenant = tenantId.toLowerCase();
  if (!authority.microsoft) return { v1: `${origin}/sts/${tenant}/`, v2: `${origin}/${tenant}/v2.0` };
  const login = ALIASES.has(hostname) ? 'https://login.microsoftonline.com' : origin;
  return { v1: `${V1_ISSUERS[hostname] ?? V1_DEFAULT}/${tenant}/`, v2: `${login}/${tenant}/v2.0` };
}
