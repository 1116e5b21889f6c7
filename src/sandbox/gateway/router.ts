import type { Exchange } from './exchange.ts';
import type { RouteSpec } from './schema.ts';

type Match = RouteSpec['matches'][number];

/** A path prefix matches whole segments: `/llm` matches `/llm` and `/llm/x`, not `/llmx`. */
function prefixMatches(prefix: string, path: string): boolean {
  const bare = prefix.replace(/\/$/, '');
  return bare === '' || path === bare || path.startsWith(`${bare}/`);
}

function matches(match: Match, exchange: Exchange): boolean {
  if (match.method !== undefined && match.method !== exchange.method) return false;
  if (match.headers.some(({ name, value }) => exchange.headers[name.toLowerCase()] !== value.exact)) return false;
  return 'exact' in match.path
    ? match.path.exact === exchange.path
    : prefixMatches(match.path.pathPrefix, exchange.path);
}

/** Gateway API precedence: exact before prefix, the longer one first, then a match that names a method, then more headers. */
function rank(match: Match): number {
  const path = 'exact' in match.path ? 1e9 + match.path.exact.length * 1e4 : match.path.pathPrefix.length * 1e4;
  return path + (match.method === undefined ? 0 : 1e3) + match.headers.length;
}

/** The hostnames that take a request, best first: its own name, then wildcards, the longest first, then routes for any. */
function hostnamesFor(host: string): (string | undefined)[] {
  const dots = [...host.matchAll(/\./g)].map(({ index }) => `*.${host.slice(index + 1)}`);
  return [host, ...dots, undefined];
}

/** The routes of a file, best match first; a host's own before those of any. */
export class Router<T> {
  readonly #entries: { hostnames: string[]; match: Match; value: T }[];

  constructor(routes: readonly { spec: RouteSpec; value: T }[]) {
    this.#entries = routes
      .flatMap(({ spec, value }) => spec.matches.map(match => ({ hostnames: spec.hostnames, match, value })))
      .sort((a, b) => rank(b.match) - rank(a.match)); // sort is stable: the file's order decides ties
  }

  find(exchange: Exchange): { value: T; match: Match } | undefined {
    const host = (exchange.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    for (const hostname of hostnamesFor(host)) {
      const isFor = (names: string[]) => (hostname === undefined ? names.length === 0 : names.includes(hostname));
      const found = this.#entries.find(({ hostnames, match }) => isFor(hostnames) && matches(match, exchange));
      if (found) return found;
    }
    return undefined;
  }
}

/** `urlRewrite.path`: a `prefix` replaces what the route matched. */
export function rewritePath(path: string, match: Match, rewrite: { full: string } | { prefix: string }): string {
  if ('full' in rewrite) return rewrite.full;
  const matched = 'pathPrefix' in match.path ? match.path.pathPrefix.replace(/\/$/, '') : '';
  const rest = path.slice(matched.length);
  const joined = `${rewrite.prefix.replace(/\/$/, '')}${rest}`;
  return joined.startsWith('/') ? joined : `/${joined}`;
}
