import { identityError } from './errors.ts';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Hosts of Entra's login service in every cloud (Microsoft Learn, "Microsoft Entra authentication & national clouds"). */
const LOGIN_HOSTS = new Set([
  'login.microsoftonline.com',
  'login.microsoft.com',
  'login.windows.net',
  'login.microsoftonline.us',
  'login-us.microsoftonline.com',
  'login.partner.microsoftonline.cn',
  'login.chinacloudapi.cn',
]);

/** Short addresses that Entra prints for people: host and start of the path. */
const SHORT_PAGES: readonly (readonly [host: string, path: string])[] = [
  ['microsoft.com', '/devicelogin'], // also /deviceloginus and /deviceloginchina
  ['www.microsoft.com', '/devicelogin'],
  ['aka.ms', '/devicelogin'],
];

/** Tenant names that stand for no tenant in particular: a token would come from whatever tenant the user is at home in. */
const SHARED_TENANTS = new Set(['common', 'organizations', 'consumers']);

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** The authority of one tenant, and which addresses belong to it. */
export class Authority {
  /** Without a trailing slash. */
  readonly url: string;
  /** Host with port. */
  readonly host: string;
  /** As the address has it: a GUID or a domain name. */
  readonly tenant: string;
  /** Lower case; undefined when the tenant is given by a domain name. */
  readonly tenantId: string | undefined;
  /** True for the sandbox: not one of Microsoft's hosts, and on this machine. */
  readonly loopback: boolean;
  /** True for one of Entra's own hosts. */
  readonly microsoft: boolean;

  /**
   * `known` says that whoever configured it vouches for a host that is not Microsoft's; on loopback its page may be
   * plain http. Throws `signIn.authorityInvalid`.
   */
  constructor(authority: string, known: boolean) {
    const url = URL.parse(authority);
    const [tenant = '', ...rest] = url?.pathname.split('/').filter(Boolean) ?? [];
    if (
      url?.protocol !== 'https:' ||
      url.username ||
      !tenant ||
      rest.length > 0 ||
      SHARED_TENANTS.has(tenant.toLowerCase())
    )
      throw identityError('signIn.authorityInvalid', { authority });
    this.url = `${url.origin}/${tenant}`;
    this.host = url.host;
    this.tenant = tenant;
    this.tenantId = GUID.test(tenant) ? tenant.toLowerCase() : undefined;
    this.loopback = known && LOOPBACK.has(url.hostname);
    this.microsoft = LOGIN_HOSTS.has(url.host);
  }

  /** Entra's worldwide cloud, the one whose accounts the editor's provider `microsoft` has. */
  get worldwide(): boolean {
    return this.host === 'login.microsoftonline.com';
  }

  /** May codes and refresh tokens be sent there? For a sandbox, loopback; else its own host and Entra's, over https. */
  trusts(address: string): boolean {
    const url = URL.parse(address);
    if (!url || url.username) return false;
    if (this.loopback) return LOOPBACK.has(url.hostname) && /^https?:$/.test(url.protocol);
    return url.protocol === 'https:' && (url.host === this.host || LOGIN_HOSTS.has(url.host));
  }

  /** May a person be sent there to enter a code? The same hosts, and the short addresses that Entra prints. */
  isPage(address: string): boolean {
    if (this.trusts(address)) return true;
    const url = URL.parse(address);
    if (url?.protocol !== 'https:' || url.username || this.loopback) return false;
    return SHORT_PAGES.some(([host, path]) => url.host === host && url.pathname.toLowerCase().startsWith(path));
  }
}
