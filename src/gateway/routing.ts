import type { GatewayConfig, GatewayRoute, RouteMatch } from './config.ts';

export interface GatewayRequest {
  path: string;
  /** `POST` unless told: what chat and MCP send. */
  method?: string;
}

/** Which route takes a request. `unsure`: it depends on what we do not know, named by `on`. */
export type Routing =
  | { kind: 'found'; route: GatewayRoute }
  | { kind: 'missing' }
  | { kind: 'unsure'; route?: GatewayRoute; on: 'host' | 'headers' | 'regex' | 'tie' | 'unread' };

interface Candidate {
  route: GatewayRoute;
  match: RouteMatch;
}

/**
 * The route that AgentGateway takes: an exact path before a prefix before a regular expression, the longer path first,
 * then a match that names a method, then the one with more conditions (v1.4.1 crates/agentgateway/src/http/route.rs
 * `compare_route_match`). Hosts are judged before paths, and ties go by internal names: both are left open.
 */
export function chooseRoute(config: GatewayConfig, request: GatewayRequest): Routing {
  const candidates = config.routes
    .flatMap(route => route.matches.map((match): Candidate => ({ route, match })))
    .filter(({ match }) => mayMatch(match, request))
    .sort((a, b) => compare(b.match, a.match));
  const [first, ...others] = candidates;
  if (!first) return config.unread.includes('llm') ? { kind: 'unsure', on: 'unread' } : { kind: 'missing' };
  const { route, match } = first;
  if (candidates.some(candidate => candidate.route.hostnames.length > 0)) return { kind: 'unsure', route, on: 'host' };
  if (match.kind === 'regex') return { kind: 'unsure', route, on: 'regex' };
  if (match.headers + match.query > 0) return { kind: 'unsure', route, on: 'headers' };
  const tied = others.some(other => other.route !== route && compare(other.match, match) === 0);
  return tied ? { kind: 'unsure', route, on: 'tie' } : { kind: 'found', route };
}

/** A prefix matches whole segments, with or without a slash at its end. */
function mayMatch({ kind, path, method }: RouteMatch, request: GatewayRequest): boolean {
  if (method !== undefined && method !== (request.method ?? 'POST')) return false;
  if (kind === 'regex') return true;
  if (kind === 'exact') return request.path === path;
  const [asked, prefix] = [request.path, path].map(text => `${text.replace(/\/+$/, '')}/`) as [string, string];
  return asked.startsWith(prefix);
}

const RANK: Record<RouteMatch['kind'], number> = { exact: 3, pathPrefix: 2, regex: 1 };

function compare(a: RouteMatch, b: RouteMatch): number {
  const order = (match: RouteMatch) => [
    RANK[match.kind],
    match.path.length,
    match.method === undefined ? 0 : 1,
    match.headers,
    match.query,
  ];
  const [left, right] = [order(a), order(b)];
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : left[at]! - right[at]!;
}
