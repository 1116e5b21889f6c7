import { OUR_HOST, type GatewayConfig, type GatewayRoute, type RouteMatch } from './config.ts';
import { matchesWhole } from './pathRegex.ts';

export interface GatewayRequest {
  path: string;
  /** `POST` unless told: what chat and MCP send. */
  method?: string;
}

/** Which route takes a request. `unsure`: it depends on what we do not know, named by `on`. */
export type Routing =
  | { kind: 'found'; route: GatewayRoute }
  | { kind: 'missing' }
  | { kind: 'unsure'; route?: GatewayRoute; on: 'host' | 'headers' | 'query' | 'regex' | 'tie' | 'unread' };

interface Candidate {
  route: GatewayRoute;
  match: RouteMatch;
  /** True, or what it hangs on whether it takes the request. */
  takes: true | 'regex' | 'headers' | 'query';
}

/** Headers that a request of ours may have; of any other name it has none. */
const MAY_SEND =
  /^(:.*|host|accept(-.*)?|authorization|connection|content-.*|user-agent|traceparent|mcp-.*|last-event-id|sec-.*|x-stainless-.*)$/;
/** The only thing that our requests ask for behind the path: the model's API version. */
const QUERY = 'api-version';

/**
 * The route that AgentGateway takes: of those for this host before those for any; an exact path before a prefix before a
 * regular expression, the longer path first, then a match that names a method, then the one with more conditions (v1.4.1
 * crates/agentgateway/src/http/route.rs, `select_best_route`; types/agent.rs, `RouteSet`). Ties go by internal names, which
 * are left open.
 */
export function chooseRoute(config: GatewayConfig, request: GatewayRequest): Routing {
  const unreadable = config.routes.find(({ hostnames }) => hostnames.includes('*')); // no suffix and no name
  if (unreadable) return { kind: 'unsure', route: unreadable, on: 'host' };
  const ours = config.routes.filter(({ hostnames }) => hostnames.some(name => name.toLowerCase() === OUR_HOST));
  const any = config.routes.filter(({ hostnames }) => hostnames.length === 0);
  for (const routes of [ours, any]) {
    const found = bestOf(routes, request);
    if (found) return found;
  }
  return config.unread.includes('llm') ? { kind: 'unsure', on: 'unread' } : { kind: 'missing' };
}

function bestOf(routes: readonly GatewayRoute[], request: GatewayRequest): Routing | undefined {
  const candidates = routes
    .flatMap(route =>
      route.matches.flatMap((match): Candidate[] => {
        const found = takes(match, request);
        return found === false ? [] : [{ route, match, takes: found }];
      }),
    )
    .sort((a, b) => compare(b.match, a.match));
  const [first, ...others] = candidates;
  if (!first) return undefined;
  const { route, match } = first;
  if (first.takes !== true) return { kind: 'unsure', route, on: first.takes };
  const tied = others.some(other => other.route !== route && compare(other.match, match) === 0);
  return tied ? { kind: 'unsure', route, on: 'tie' } : { kind: 'found', route };
}

/** Whether a match takes the request, or what that hangs on. */
function takes(match: RouteMatch, request: GatewayRequest): false | Candidate['takes'] {
  if (match.method !== undefined && match.method !== (request.method ?? 'POST')) return false;
  const path = takesPath(match, request.path);
  if (path === false) return false;
  if (match.headers.some(name => name !== '' && !MAY_SEND.test(name.toLowerCase()))) return false;
  if (match.query.some(name => name !== '' && name !== QUERY)) return false;
  if (path === undefined) return 'regex';
  return match.headers.length > 0 ? 'headers' : match.query.length > 0 ? 'query' : true;
}

/** A prefix matches whole segments, with or without a slash at its end; undefined where we can't read an expression. */
function takesPath({ kind, path }: RouteMatch, asked: string): boolean | undefined {
  if (kind === 'regex') return matchesWhole(path, asked);
  if (kind === 'exact') return asked === path;
  const [whole, prefix] = [asked, path].map(text => `${text.replace(/\/+$/, '')}/`) as [string, string];
  return whole.startsWith(prefix);
}

const RANK: Record<RouteMatch['kind'], number> = { exact: 3, pathPrefix: 2, regex: 1 };

function compare(a: RouteMatch, b: RouteMatch): number {
  const order = (match: RouteMatch) => [
    RANK[match.kind],
    match.path.length,
    match.method === undefined ? 0 : 1,
    match.headers.length,
    match.query.length,
  ];
  const [left, right] = [order(a), order(b)];
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : left[at]! - right[at]!;
}
