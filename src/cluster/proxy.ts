import { BlockList, isIP } from 'node:net';
import { isLoopback } from '../base/loopback.ts';

/**
 * The proxy for a connection to `server`, or undefined for a direct one, in this order: the kubeconfig's `proxy-url`, the
 * editor's own proxy setting, then `HTTPS_PROXY` or `HTTP_PROXY`; `NO_PROXY` and loopback exclude the last two.
 * Source of the rules for the variables: golang.org/x/net/http/httpproxy, which kubectl uses.
 * @throws TypeError when the proxy is not a URL
 */
export function proxyFor(
  server: URL,
  settings: { kubeconfig?: string | null; editor?: string; env?: NodeJS.ProcessEnv },
): URL | undefined {
  if (settings.kubeconfig) return parseProxy(settings.kubeconfig);
  const env = settings.env ?? process.env;
  const read = (name: string) => env[name] || env[name.toLowerCase()];
  const proxy = settings.editor || read(server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (!proxy || isLoopback(server.hostname) || isExcluded(server, read('NO_PROXY') ?? '')) return undefined;
  return parseProxy(proxy);
}

function parseProxy(text: string): URL {
  return new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
}

function isExcluded(server: URL, list: string): boolean {
  const host = bare(server.hostname).toLowerCase();
  const port = server.port || (server.protocol === 'https:' ? '443' : '80');
  return list
    .split(',')
    .map(entry => entry.trim().toLowerCase())
    .filter(Boolean)
    .some(entry => matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inNetwork(entry, host);
  const split = /^(?<name>\[.+\]|[^:]+)(?::(?<port>\d+))?$/.exec(entry)?.groups;
  const name = bare(split?.['name'] ?? entry);
  if (split?.['port'] && split['port'] !== port) return false;
  if (isIP(name)) return name === host;
  if (name.startsWith('*.')) return host.endsWith(name.slice(1));
  if (name.startsWith('.')) return host.endsWith(name);
  return host === name || host.endsWith(`.${name}`);
}

function inNetwork(entry: string, host: string): boolean {
  const [network = '', bits = ''] = entry.split('/');
  const family = isIP(network);
  if (!family || family !== isIP(host) || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(bits), kind);
  return list.check(host, kind);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
