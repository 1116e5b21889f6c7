import type { Authority } from './authority.ts';

/** Issuers of version 1.0 tokens, by the login host of their cloud; the default is that of all others. */
const V1_ISSUERS: Readonly<Record<string, string>> = {
  'login.partner.microsoftonline.cn': 'https://sts.chinacloudapi.cn',
};
const V1_DEFAULT = 'https://sts.windows.net';
/** Other names of a login host: tokens that are asked for there name the preferred one (Entra's instance discovery). */
const PREFERRED: Readonly<Record<string, string>> = {
  'login.microsoft.com': 'login.microsoftonline.com',
  'login.windows.net': 'login.microsoftonline.com',
  'login-us.microsoftonline.com': 'login.microsoftonline.us',
  'login.chinacloudapi.cn': 'login.partner.microsoftonline.cn',
};

/**
 * What an authority writes into `iss`, by token version (Microsoft Learn, "Access tokens in the Microsoft identity
 * platform"). The version follows from the resource, not from the endpoint that was called. An authority of another
 * host than Microsoft's, the sandbox, issues both from its own.
 */
export function issuersOf(authority: Authority, tenantId: string): { v1: string; v2: string } {
  const { origin, hostname } = new URL(authority.url);
  const tenant = tenantId.toLowerCase();
  if (!authority.microsoft) return { v1: `${origin}/sts/${tenant}/`, v2: `${origin}/${tenant}/v2.0` };
  const host = PREFERRED[hostname] ?? hostname;
  return { v1: `${V1_ISSUERS[host] ?? V1_DEFAULT}/${tenant}/`, v2: `https://${host}/${tenant}/v2.0` };
}
