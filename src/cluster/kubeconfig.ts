import { AgentIdError } from '../base/errors.ts';
import { isLoopback } from '../base/loopback.ts';
import { Credentials, refuseUnsupported, type ContextSettings } from './credentials.ts';
import { HttpKubeApi, type KubeApi } from './kubeApi.ts';
import { readKubeconfig, type KubeconfigDocument } from './kubeconfigFile.ts';
import type { PluginOptions } from './pluginProcess.ts';
import { proxyFor } from './proxy.ts';

export interface KubeContextInfo {
  name: string;
  /** Absolute path of the file that defines it. */
  file: string;
  cluster: string;
  /** URL of the API server; empty when the context names a cluster that no file defines. */
  server: string;
  namespace?: string;
  user?: string;
}

export interface KubeconfigOptions extends PluginOptions {
  path?: string;
  proxy?: string;
}

export interface Kubeconfig {
  /** Absolute paths of the files that were read, the strongest first. */
  readonly files: string[];
  readonly contexts: KubeContextInfo[];
  readonly currentContext?: string;
  /**
   * The API server of a context. Opens nothing yet: credentials and connections come with the first request.
   * @throws kubeconfig.contextNotFound, kubeconfig.dangling, kubeconfig.unsupported, kubeconfig.invalid
   */
  connect(context: string): Promise<KubeApi>;
}

/**
 * Reads the kubeconfig: `path`, or `$KUBECONFIG`, or `~/.kube/config`. `proxy` is the editor's own proxy setting, used
 * where the kubeconfig names none; `watch` sees the credential plugins at work.
 * @throws kubeconfig.notFound, kubeconfig.unreadable, kubeconfig.invalid
 */
export async function loadKubeconfig(options: KubeconfigOptions): Promise<Kubeconfig> {
  const document = await readKubeconfig(options.path);
  return {
    files: document.files,
    contexts: [...document.contexts].map(([name, context]) => ({
      name,
      file: context.file,
      cluster: context.cluster ?? '',
      server: document.clusters.get(context.cluster ?? '')?.server ?? '',
      ...(context.namespace ? { namespace: context.namespace } : {}),
      ...(context.user ? { user: context.user } : {}),
    })),
    ...(document.currentContext ? { currentContext: document.currentContext } : {}),
    async connect(context) {
      const settings = settingsOf(document, context);
      refuseUnsupported(settings);
      const server = parseUrl(settings.cluster.server, settings, 'cluster.server');
      const proxy = parseProxy(server, settings, options.proxy);
      return new HttpKubeApi({
        context,
        server: server.href,
        unverified: isUnverified(server, settings),
        ...(proxy ? { proxy } : {}),
        credentials: new Credentials(settings, {
          reload: async () => settingsOf(await readKubeconfig(options.path), context),
          logger: options.logger,
          watch: options.watch,
        }),
      });
    },
  };
}

function settingsOf(document: KubeconfigDocument, context: string): ContextSettings {
  const entry = document.contexts.get(context);
  if (!entry)
    throw new AgentIdError('kubeconfig.contextNotFound', { context, known: [...document.contexts.keys()].join(', ') });
  const cluster = document.clusters.get(entry.cluster ?? '');
  if (!cluster?.server)
    throw new AgentIdError('kubeconfig.dangling', { context, kind: 'cluster', name: entry.cluster ?? '' });
  const user = entry.user ? document.users.get(entry.user) : {};
  if (!user) throw new AgentIdError('kubeconfig.dangling', { context, kind: 'user', name: entry.user ?? '' });
  return {
    context,
    ...(entry.namespace ? { namespace: entry.namespace } : {}),
    cluster: { ...cluster, server: cluster.server },
    user,
  };
}

/** `http://` to this machine is `kubectl proxy`, which checks the certificate itself. */
function isUnverified(server: URL, { cluster }: ContextSettings): boolean {
  return server.protocol === 'http:' ? !isLoopback(server.hostname) : cluster['insecure-skip-tls-verify'] === true;
}

function parseUrl(text: string, { context }: ContextSettings, field: string): URL {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new AgentIdError('kubeconfig.invalid', { path: context, reason: `${field}: not an http(s) URL` });
}

const PROXY_PROTOCOLS = ['http:', 'https:', 'socks5:'];

function parseProxy(server: URL, settings: ContextSettings, editor: string | undefined): URL | undefined {
  const { context, cluster } = settings;
  let proxy: URL | undefined;
  try {
    proxy = proxyFor(server, { kubeconfig: cluster['proxy-url'] ?? null, ...(editor ? { editor } : {}) });
  } catch (error) {
    throw new AgentIdError('kubeconfig.invalid', { path: context, reason: 'proxy: not a URL' }, { cause: error });
  }
  if (proxy && !PROXY_PROTOCOLS.includes(proxy.protocol))
    throw new AgentIdError('kubeconfig.unsupported', { context, field: `proxy ${proxy.protocol}` });
  return proxy;
}
