import * as v from 'valibot';
import { LineCounter, parseDocument, visit } from 'yaml';
import { AgentIdError } from '../base/errors.ts';
import { quote } from './body.ts';
import { listOf, readPolicies, type Policies, type Rule } from './policies.ts';

/** What we read of an AgentGateway file: its HTTP routes, who may use them, and what is behind them. */
export interface GatewayConfig {
  routes: GatewayRoute[];
  /** Parts of the file that may add routes or policies to those that we read, such as a top-level `policies`. */
  unread: string[];
}

export interface GatewayRoute {
  name: string;
  matches: RouteMatch[];
  /** Hosts that it answers for; empty: any. */
  hostnames: string[];
  kind: 'ai' | 'mcp' | 'other';
  /** What judges a request, in the gateway's order: the listener's policies, the route's, those of its backend. */
  stages: Stage[];
  /** The rules of the route and of its backend add up to one set. */
  mcpAuthorization: Rule[];
  /** Names of the MCP targets, in the order of the file. */
  targets: string[];
}

export interface Stage extends Omit<Policies, 'mcpAuthorization'> {
  at: 'gateway' | 'route' | 'backend';
}

export type PathMatch = { kind: 'exact' | 'pathPrefix' | 'regex'; path: string };

export type RouteMatch = PathMatch & {
  method?: string;
  /** Names of the headers and of the parts of the query that it makes conditions on; empty for one that can't be read. */
  headers: string[];
  query: string[];
};

/** An MCP route as a client sees it: one server. */
export interface McpRoute {
  name: string;
  path: string;
  targets: string[];
  rules: Rule[];
  audiences: string[];
}

/** What every request through a tunnel says (`cluster/tunnel.ts`); the gateway looks at it without the port. */
export const OUR_HOST = 'localhost';

const MAX_FILE = 1024 * 1024;

const record = v.record(v.string(), v.unknown());
const optionalText = v.fallback(v.optional(v.string()), undefined);
const texts = listOf(v.string());
/** The name of each condition; empty where we can't read it. */
const conditions = v.fallback(
  v.pipe(
    v.array(v.unknown()),
    v.transform(items => items.map(item => (v.is(v.object({ name: v.string() }), item) ? item.name : ''))),
  ),
  [],
);
const Targets = listOf(v.object({ name: v.string() }));
const Backend = v.object({
  mcp: v.fallback(v.optional(v.object({ targets: Targets })), undefined),
  ai: v.optional(v.unknown()),
  backend: optionalText,
  routeGroup: v.optional(v.unknown()),
  name: optionalText,
  policies: v.optional(v.unknown()),
});
type Backend = v.InferOutput<typeof Backend>;
const Match = v.object({
  path: v.fallback(
    v.object({ exact: v.optional(v.string()), pathPrefix: v.optional(v.string()), regex: v.optional(v.string()) }),
    { pathPrefix: '/' },
  ),
  method: optionalText,
  headers: conditions,
  query: conditions,
});
const References = v.fallback(
  v.union([
    texts,
    v.pipe(
      v.string(),
      v.transform(name => [name]),
    ),
  ]),
  [],
);
const Route = v.object({
  name: v.fallback(v.string(), ''),
  gateways: References,
  hostnames: texts,
  matches: v.optional(listOf(Match), [{ path: { pathPrefix: '/' }, headers: [], query: [] }]),
  policies: v.optional(v.unknown()),
  backends: listOf(Backend),
});
type Route = v.InferOutput<typeof Route>;
const hostname = v.fallback(v.optional(v.string(), ''), '');
const Listener = v.object({ hostname, routes: listOf(Route), policies: v.optional(v.unknown()) });
const Gateway = v.pipe(
  v.looseObject({ listeners: listOf(v.looseObject({ name: optionalText, hostname })) }),
  v.transform(({ listeners, ...policies }) => ({ listeners, policies })),
);
const File = v.object({
  routes: listOf(Route),
  gateways: v.fallback(v.record(v.string(), Gateway), {}),
  binds: listOf(v.object({ listeners: listOf(Listener) })),
  backends: listOf(Backend),
  mcp: v.fallback(v.optional(v.object({ targets: Targets, policies: v.optional(v.unknown()) })), undefined),
  policies: v.optional(v.unknown()),
  llm: v.optional(v.unknown()),
});
type File = v.InferOutput<typeof File>;

/**
 * Reads an AgentGateway file (v0.10 to v1.5: `routes`, `gateways`, `binds`, `mcp`, inline or named backends; schema in
 * the project's schema/config.json). Fields that we do not know are the gateway's business; a part that has another
 * shape than expected is left out. Throws `gateway.configUnreadable` for text that is not YAML or no mapping.
 */
export function parseGatewayConfig(text: string): GatewayConfig {
  const document = readYaml(text);
  const parsed = v.safeParse(File, document.value);
  if (!parsed.success || !v.is(record, document.value)) throw unreadable(1, 'the file is no mapping');
  const file = parsed.output;
  const routes: GatewayRoute[] = [];
  const add = (route: Route, listener: Policies[]) => {
    const fallback = `route ${routes.length + 1}`;
    routes.push(toRoute({ ...route, name: route.name || fallback }, listener, file, document.lineOf));
  };
  for (const route of file.routes) {
    const listeners = listenersOf(route, file);
    if (listeners) add(route, listeners);
  }
  for (const listener of file.binds.flatMap(bind => forOurHost(bind.listeners)))
    for (const route of listener.routes) add(route, [readPolicies(listener.policies)]);
  // The simple form serves all its targets at /mcp (agentgateway v1.4.1 crates/agentgateway/src/types/local.rs).
  if (file.mcp) {
    const { targets, policies } = file.mcp;
    const route = { name: 'mcp', matches: [{ path: { pathPrefix: '/mcp' }, headers: [], query: [] }], policies };
    const backends = [{ mcp: { targets }, ai: undefined, routeGroup: undefined, policies: undefined }];
    add({ ...route, gateways: [], hostnames: [], backends }, []);
  }
  const unread = [...(mayJudge(file.policies) ? ['policies'] : []), ...(file.llm === undefined ? [] : ['llm'])];
  return { routes, unread };
}

/**
 * The routes that a client can use as MCP servers. The path is the first one that is a literal and no OAuth metadata;
 * a route that takes every path is used at `/mcp`, as AgentGateway's own documentation does.
 */
export function mcpRoutes(config: GatewayConfig): McpRoute[] {
  const seen = new Set<string>();
  return config.routes.flatMap(route => {
    const match = route.matches.find(({ kind, path }) => kind !== 'regex' && !/^\/(\.well-known|sse)\b/.test(path));
    if (route.kind !== 'mcp' || !match) return [];
    const path = match.path.replace(/\/+$/, '') || '/mcp';
    if (seen.has(path)) return []; // the gateway would take the first as well, or tell them apart by what we do not send
    seen.add(path);
    const { name, targets, mcpAuthorization, stages } = route;
    const audiences = stages.flatMap(
      ({ token }) => token?.providers.flatMap(provider => provider.audiences ?? []) ?? [],
    );
    return [{ name, path, targets, rules: mcpAuthorization, audiences: [...new Set(audiences)] }];
  });
}

interface YamlText {
  value: unknown;
  /** Where the text stands, if it stands in one place only. */
  lineOf: (text: string) => number | undefined;
}

function readYaml(text: string): YamlText {
  if (text.length > MAX_FILE) throw unreadable(1, 'the file is larger than 1 MiB');
  try {
    const lineCounter = new LineCounter();
    const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false, lineCounter });
    const [error] = document.errors;
    if (error) throw unreadable(lineCounter.linePos(error.pos[0]).line, error.message);
    const lines = new Map<string, number | undefined>();
    visit(document, {
      Scalar(_key, node) {
        if (typeof node.value !== 'string' || !node.range) return;
        lines.set(node.value, lines.has(node.value) ? undefined : lineCounter.linePos(node.range[0]).line);
      },
    });
    return { value: document.toJS({ maxAliasCount: 100 }), lineOf: value => lines.get(value) };
  } catch (error) {
    if (AgentIdError.is(error)) throw error;
    throw unreadable(1, error instanceof Error ? error.message : '');
  }
}

function unreadable(line: number, detail: string) {
  return new AgentIdError('gateway.configUnreadable', { line, detail: quote(detail) });
}

/**
 * What the listeners of a route ask for; undefined when none of them answers to our host. A gateway called `default` is
 * the one that routes attach to when they name none.
 */
function listenersOf(route: Route, { gateways }: File): Policies[] | undefined {
  const references = route.gateways.length > 0 ? route.gateways : ['default'];
  let others = false;
  const found = references.flatMap(reference => {
    const [name = '', section] = reference.split('/');
    const gateway = gateways[name];
    if (!gateway) return [];
    if (gateway.listeners.length === 0) return [readPolicies(gateway.policies)];
    const ours = forOurHost(gateway.listeners.map((listener, index) => ({ ...listener, at: index })));
    others ||= ours.length === 0;
    return ours
      .filter(listener => section === undefined || section === (listener.name ?? `listener${listener.at}`))
      .map(listener => readPolicies(listener));
  });
  return others && found.length === 0 ? undefined : found;
}

/**
 * The listeners that take our requests: those for our host, else those for any (v1.4.1
 * crates/agentgateway/src/types/agent.rs, `best_match`).
 */
function forOurHost<T extends { hostname: string }>(listeners: readonly T[]): T[] {
  const best = (fits: (name: string) => boolean) => listeners.filter(listener => fits(listener.hostname));
  const named = best(name => name.toLowerCase() === OUR_HOST);
  return named.length > 0 ? named : best(name => name === '' || name === '*');
}

const Attached = v.array(v.object({ phase: v.optional(v.literal('route'), 'route'), policy: v.unknown() }));

/** Whether policies that are attached from elsewhere in the file may refuse a request, or send it to another route. */
function mayJudge(policies: unknown): boolean {
  if (policies === undefined || policies === null) return false;
  const attached = v.safeParse(Attached, policies);
  if (!attached.success) return true;
  return attached.output.some(({ policy }) => {
    const { token, authorization, mcpAuthorization, unread } = readPolicies(policy);
    return token !== undefined || authorization.length + mcpAuthorization.length + unread.length > 0;
  });
}

function toMatch({ path, method, headers, query }: v.InferOutput<typeof Match>): RouteMatch[] {
  for (const kind of ['exact', 'pathPrefix', 'regex'] as const) {
    const value = path[kind];
    if (value !== undefined) return [{ kind, path: value, ...(method !== undefined && { method }), headers, query }];
  }
  return [];
}

function toRoute(route: Route, listeners: Policies[], file: File, lineOf: YamlText['lineOf']): GatewayRoute {
  const named = new Map(file.backends.flatMap(backend => (backend.name ? [[backend.name, backend] as const] : [])));
  const behind = route.backends.map((backend): Backend[] => {
    const target = backend.backend === undefined ? undefined : named.get(backend.backend);
    return target ? [backend, target] : [backend];
  });
  const own = readPolicies(route.policies);
  const backends = behind.map(parts => merge(parts.map(part => readPolicies(part.policies))));
  const parts = behind.flat();
  const located = (rules: Rule[]) => rules.map(rule => locate(rule, lineOf));
  const stage = (at: Stage['at'], policies: Policies): Stage => {
    const { token, authorization, unread } = policies;
    return { at, ...(token && { token }), authorization: located(authorization), unread };
  };
  const backend = sameForAll(backends, 'backends');
  if (parts.some(part => part.routeGroup !== undefined)) backend.unread.push('routeGroup');
  return {
    name: route.name,
    matches: route.matches.flatMap(toMatch),
    hostnames: route.hostnames,
    kind: parts.some(part => part.mcp) ? 'mcp' : parts.some(part => part.ai !== undefined) ? 'ai' : 'other',
    stages: [stage('gateway', sameForAll(listeners, 'gateways')), stage('route', own), stage('backend', backend)],
    mcpAuthorization: located([...own.mcpAuthorization, ...backend.mcpAuthorization]),
    targets: [...new Set(parts.flatMap(part => part.mcp?.targets.map(target => target.name) ?? []))],
  };
}

function locate(rule: Rule, lineOf: YamlText['lineOf']): Rule {
  const line = lineOf(rule.expression);
  return line === undefined ? rule : { ...rule, line };
}

/** Policies of one stage add up: a deny denies, every require must hold, any allow allows. */
function merge(parts: Policies[]): Policies {
  const token = parts.find(part => part.token)?.token;
  return {
    ...(token && { token }),
    authorization: parts.flatMap(part => part.authorization),
    mcpAuthorization: parts.flatMap(part => part.mcpAuthorization),
    unread: parts.flatMap(part => part.unread),
  };
}

/** One of several takes a request (by weight, by port): we know what holds for it only where all say the same. */
function sameForAll(alternatives: Policies[], name: string): Policies {
  const [first = merge([]), ...others] = alternatives;
  if (others.every(other => JSON.stringify(other) === JSON.stringify(first))) return first;
  return { ...merge(alternatives), unread: [name] };
}
