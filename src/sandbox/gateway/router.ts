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
  return 'exact' in match.path
    ? match.path.exact === exchange.path
    : prefixMatches(match.path.pathPrefix, exchange.path);
}

/** Gateway API precedence: exact before prefix, the longer prefix first, then a match that names a method. */
function rank(match: Match): number {
  const path = 'exact' in match.path ? 1_000_000 : match.path.pathPrefix.length * 2;
  return path + (match.method === undefined ? 0 : 1);
}

/** The routes of a file, best match first. */
export class Router<T> {
  readonly #entries: { match: Match; value: T }[];

  constructor(routes: readonly { spec: RouteSpec; value: T }[]) {
    this.#entries = routes
      .flatMap(({ spec, value }) => spec.matches.map(match => ({ match, value })))
      .sort((a, b) => rank(b.match) - rank(a.match)); // sort is stable: the file's order decides ties
  }

  find(exchange: Exchange): { value: T; match: Match } | undefined {
    return this.#entries.find(({ match }) => matches(match, exchange));
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
