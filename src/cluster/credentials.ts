import tls from 'node:tls';
import type { RequestOptions } from 'node:https';
import { AgentIdError, describe } from '../base/errors.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { redact } from '../base/redact.ts';
import { SingleFlight } from '../base/singleFlight.ts';
import { runCredentialPlugin, type ExecCredential } from './execCredential.ts';
import type { ClusterEntry, UserEntry } from './kubeconfigFile.ts';
import { loadKubernetesClient } from './libraries.ts';
import type { PluginOptions } from './pluginProcess.ts';

/** One context of the kubeconfig with what it points to. */
export interface ContextSettings {
  context: string;
  namespace?: string;
  cluster: ClusterEntry & { server: string };
  user: UserEntry;
}

export interface TlsSettings {
  ca?: string | Buffer | (string | Buffer)[];
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
}

/** How to speak to the API server as this user, now. */
export interface Access {
  headers: Record<string, string>;
  tls: TlsSettings;
}

/** How long an answer is used before files and library are asked again: certificates and token files rotate. */
const FRESH_MS = 30_000;
/** A plugin's credential is renewed this long before it expires, so that it doesn't die on the way. */
const EXPIRY_SKEW_MS = 10_000;

/**
 * Fields that make kubectl act as somebody else, and that client-node ignores (`config_types.js`): dropping them in
 * silence would be a different identity with different rights.
 */
const REFUSED_FIELDS = ['as-groups', 'as-uid', 'as-user-extra'];

/**
 * The kubeconfig as it is after a refusal, if it may take the place of what was refused. What is in it now is for the
 * server that it names now. Of an `auth-provider` only the id token is used: to renew it here would spend the file's
 * refresh token (the library keeps the next one to itself, `oidc_auth.js`), and kubectl would have to sign in anew.
 */
function successor(before: ContextSettings, now: ContextSettings): ContextSettings {
  refuseUnsupported(now);
  const refuse = (reason: string) => {
    throw new AgentIdError('cluster.credentials', { context: now.context, reason });
  };
  if (now.cluster.server !== before.cluster.server) refuse('the kubeconfig names another API server now');
  const token = now.user['auth-provider']?.config?.['id-token'];
  if (now.user['auth-provider'] && token === before.user['auth-provider']?.config?.['id-token'])
    refuse('the API server does not accept the id token of the auth-provider; any kubectl command renews it');
  return now;
}

/** Throws kubeconfig.unsupported for what we would otherwise carry out differently from kubectl. */
export function refuseUnsupported({ context, user }: ContextSettings): void {
  const refuse = (field: string) => {
    throw new AgentIdError('kubeconfig.unsupported', { context, field });
  };
  for (const field of REFUSED_FIELDS) if (user[field] !== undefined && user[field] !== null) refuse(field);
  const provider = user['auth-provider']?.name;
  if (provider && provider !== 'oidc') refuse(`auth-provider ${provider}`);
  if (user.exec?.interactiveMode === 'Always') refuse('exec.interactiveMode Always');
}

export interface CredentialSource {
  /** @throws cluster.credentials, cluster.pluginMissing, cluster.pluginFailed */
  get(signal?: AbortSignal): Promise<Access>;
  /**
   * After a 401 for `refused`: reads the kubeconfig again and runs its plugin again. Callers that come late, whose
   * refused credentials have been replaced meanwhile, get the replacement. Throws as `get`, and as reading does.
   */
  renew(refused: Access, signal?: AbortSignal): Promise<Access>;
}

/** Prepares credentials for one context; every caller of the same moment shares one preparation. */
export class Credentials implements CredentialSource {
  readonly #reload: () => Promise<ContextSettings>;
  readonly #plugins: PluginOptions;
  readonly #clock: Clock;
  readonly #flight = new SingleFlight<Access>();
  #settings: ContextSettings;
  #library: { applyToHTTPSOptions(options: RequestOptions): Promise<void> } | undefined;
  #plugin: ExecCredential | undefined;
  #current: { access: Access; until: number } | undefined;

  /** `reload` reads the kubeconfig again: tools such as `az aks get-credentials` write new tokens into it. */
  constructor(
    settings: ContextSettings,
    options: PluginOptions & { reload: () => Promise<ContextSettings>; clock?: Clock },
  ) {
    this.#settings = settings;
    this.#reload = options.reload;
    this.#plugins = options;
    this.#clock = options.clock ?? systemClock;
  }

  async get(signal?: AbortSignal): Promise<Access> {
    if (this.#current && this.#clock.now() < this.#current.until) return this.#current.access;
    return this.#flight.run('', inner => this.#prepare(inner), signal);
  }

  async renew(refused: Access, signal?: AbortSignal): Promise<Access> {
    if (this.#current && this.#current.access !== refused) return this.get(signal);
    return this.#flight.run(
      'renew',
      async inner => {
        this.#settings = successor(this.#settings, await this.#reload());
        this.#library = undefined;
        this.#plugin = undefined;
        return this.#prepare(inner);
      },
      signal,
    );
  }

  async #prepare(signal: AbortSignal): Promise<Access> {
    const { context, cluster, user } = this.#settings;
    const now = this.#clock.now();
    if (user.exec && !(this.#plugin && now < (this.#plugin.expiresAt ?? Infinity) - EXPIRY_SKEW_MS)) {
      this.#plugin = await runCredentialPlugin(user.exec, cluster, this.#plugins, signal);
      this.#library = undefined;
    }
    this.#library ??= await this.#openLibrary();
    const options: RequestOptions = {};
    try {
      await this.#library.applyToHTTPSOptions(options);
    } catch (error) {
      const reason = redact(describe(error));
      throw new AgentIdError('cluster.credentials', { context, reason }, { cause: error });
    }
    const access = toAccess(options);
    if (user['auth-provider'] && !access.headers['authorization'])
      throw new AgentIdError('cluster.credentials', { context, reason: 'the auth-provider has no id token' });
    this.#current = { access, until: Math.min(now + FRESH_MS, (this.#plugin?.expiresAt ?? Infinity) - EXPIRY_SKEW_MS) };
    return access;
  }

  /**
   * The library decides who we are; where to connect is ours. So it gets a placeholder for the server and no proxy
   * (it refuses `http://` servers), always a user (without one it forgets the CA), the plugin's result in place of the
   * plugin (it runs one process per call), and a `tokenFile` in the only form that it reads.
   */
  async #openLibrary() {
    const { KubeConfig } = await loadKubernetesClient();
    const { exec, tokenFile, 'auth-provider': provider, ...user } = this.#settings.user;
    const cluster = { ...this.#settings.cluster, server: 'https://server.invalid', 'proxy-url': undefined };
    // Where a file and data are both given, kubectl takes the data and the library the file.
    if (cluster['certificate-authority-data']) delete cluster['certificate-authority'];
    if (user['client-certificate-data']) delete user['client-certificate'];
    if (user['client-key-data']) delete user['client-key'];
    if (provider) user.token = provider.config?.['id-token'];
    if (tokenFile && !user.token)
      Object.assign(user, { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } });
    const { token, cert, key } = (exec && this.#plugin) || {};
    if (token) user.token = token;
    if (cert && key) {
      Object.assign(user, { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) });
      delete user['client-certificate'];
      delete user['client-key'];
    }
    const config = new KubeConfig();
    config.loadFromString(
      JSON.stringify({
        clusters: [{ name: 'server', cluster }],
        users: [{ name: 'user', user }],
        contexts: [{ name: 'context', context: { cluster: 'server', user: 'user' } }],
        'current-context': 'context',
      }),
    );
    return config;
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function toAccess(options: RequestOptions): Access {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
  if (options.auth) headers['authorization'] ??= `Basic ${base64(options.auth)}`;
  const { ca, cert, key, servername, rejectUnauthorized } = options as TlsSettings;
  return {
    headers,
    tls: {
      // kubectl trusts the system's roots when the kubeconfig names none; Node by itself only its own list.
      ca: ca ?? [...tls.getCACertificates('default'), ...tls.getCACertificates('system')],
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
      ...(servername ? { servername } : {}),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  };
}
