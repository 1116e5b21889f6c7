import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { AgentIdError } from '../base/errors.ts';
import { quote } from './body.ts';

/** What we read of an AgentGateway file: its HTTP routes, who may use them, and what is behind them. */
export interface GatewayConfig {
  routes: GatewayRoute[];
}

export interface GatewayRoute {
  name: string;
  matches: PathMatch[];
  kind: 'ai' | 'mcp' | 'other';
  /** `iss` and `aud` values that its JWT policy takes; empty: any. */
  issuers: string[];
  audiences: string[];
  authorization: Rule[];
  mcpAuthorization: Rule[];
  /** Names of the MCP targets, in the order of the file. */
  targets: string[];
}

export type PathMatch = { kind: 'exact' | 'pathPrefix' | 'regex'; path: string };

/** One CEL rule; a bare string in the file is `allow`. */
export interface Rule {
  mode: 'allow' | 'require' | 'deny';
  expression: string;
}

/** An MCP route as a client sees it: one server. */
export interface McpRoute {
  name: string;
  path: string;
  targets: string[];
  rules: Rule[];
  audiences: string[];
}

const MAX_FILE = 1024 * 1024;

/** A list of which only the well-formed items count; anything else is an empty list. */
const listOf = <T extends v.GenericSchema>(item: T) =>
  v.fallback(
    v.pipe(
      v.array(v.unknown()),
      v.transform(items =>
        items.flatMap(value => {
          const parsed = v.safeParse(item, value);
          return parsed.success ? [parsed.output] : [];
        }),
      ),
    ),
    [],
  );
const texts = listOf(v.string());

const RuleSchema = v.union([
  v.pipe(
    v.string(),
    v.transform((expression): Rule => ({ mode: 'allow', expression })),
  ),
  ...(['allow', 'require', 'deny'] as const).map(mode =>
    v.pipe(
      v.object({ [mode]: v.string() }),
      v.transform((rule): Rule => ({ mode, expression: rule[mode]! })),
    ),
  ),
]);
const Rules = v.fallback(v.object({ rules: listOf(RuleSchema) }), { rules: [] });
const Provider = v.object({ issuer: v.fallback(v.string(), ''), audiences: texts });
const Jwt = v.object({ ...Provider.entries, providers: listOf(Provider) });
const Policies = v.object({
  jwtAuth: v.fallback(v.optional(Jwt), undefined),
  mcpAuthentication: v.fallback(v.optional(Jwt), undefined),
  authorization: v.optional(Rules, { rules: [] }),
  mcpAuthorization: v.optional(Rules, { rules: [] }),
});
const policies = v.fallback(v.optional(Policies), undefined);
const Targets = listOf(v.object({ name: v.string() }));
const Backend = v.object({
  mcp: v.fallback(v.optional(v.object({ targets: Targets })), undefined),
  ai: v.optional(v.unknown()),
  backend: v.fallback(v.optional(v.string()), undefined),
  name: v.fallback(v.optional(v.string()), undefined),
  policies,
});
type Backend = v.InferOutput<typeof Backend>;
const Match = v.object({
  path: v.fallback(
    v.object({
      exact: v.optional(v.string()),
      pathPrefix: v.optional(v.string()),
      regex: v.optional(v.string()),
    }),
    { pathPrefix: '/' },
  ),
});
const Route = v.object({
  name: v.fallback(v.string(), ''),
  matches: v.optional(listOf(Match), [{ path: { pathPrefix: '/' } }]),
  policies,
  backends: listOf(Backend),
});
const Routes = listOf(Route);
const File = v.object({
  routes: Routes,
  binds: listOf(v.object({ listeners: listOf(v.object({ routes: Routes })) })),
  backends: listOf(Backend),
  mcp: v.fallback(v.optional(v.object({ targets: Targets, policies })), undefined),
});

/**
 * Reads an AgentGateway file (v0.10 to v1.5: `routes`, `binds`, `mcp`, inline or named backends; schema in the
 * project's schema/config.json). Fields that we do not know are the gateway's business; a part that has another shape
 * than expected is left out. Throws `gateway.configUnreadable` for text that is not YAML or no mapping.
 */
export function parseGatewayConfig(text: string): GatewayConfig {
  const file = v.safeParse(File, readYaml(text));
  if (!file.success) throw unreadable(1, 'the file is no mapping');
  const { routes, binds, backends, mcp } = file.output;
  const named = new Map(backends.flatMap(backend => (backend.name ? [[backend.name, backend] as const] : [])));
  const all = [...routes, ...binds.flatMap(bind => bind.listeners.flatMap(listener => listener.routes))];
  const read = all.map((route, index) => {
    const behind = route.backends.map(backend => (backend.backend && named.get(backend.backend)) || backend);
    return toRoute(route.name || `route ${index + 1}`, route.matches.flatMap(toMatch), [
      route,
      ...route.backends,
      ...behind,
    ]);
  });
  // The simple form serves all its targets at /mcp (agentgateway v1.4.1 crates/agentgateway/src/types/local.rs).
  if (mcp)
    read.push(
      toRoute(
        'mcp',
        [{ kind: 'pathPrefix', path: '/mcp' }],
        [{ policies: mcp.policies }, { mcp, policies: undefined }],
      ),
    );
  return { routes: read };
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
    const { name, targets, mcpAuthorization, audiences } = route;
    return [{ name, path, targets, rules: mcpAuthorization, audiences }];
  });
}

function readYaml(text: string): unknown {
  if (text.length > MAX_FILE) throw unreadable(1, 'the file is larger than 1 MiB');
  try {
    const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false });
    const [error] = document.errors;
    if (error) throw unreadable(text.slice(0, error.pos[0]).split('\n').length, error.message);
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (AgentIdError.is(error)) throw error;
    throw unreadable(1, error instanceof Error ? error.message : '');
  }
}

function unreadable(line: number, detail: string) {
  return new AgentIdError('gateway.configUnreadable', { line, detail: quote(detail) });
}

function toMatch({ path }: v.InferOutput<typeof Match>): PathMatch[] {
  for (const kind of ['exact', 'pathPrefix', 'regex'] as const) {
    const value = path[kind];
    if (value !== undefined) return [{ kind, path: value }];
  }
  return [];
}

/** Policies add up over the route and its backends: one deny denies, every require must hold, any allow allows. */
function toRoute(name: string, matches: PathMatch[], parts: Partial<Backend>[]): GatewayRoute {
  const all = [...new Set(parts.flatMap(part => part.policies ?? []))];
  const jwt = all.flatMap(policy => [policy.jwtAuth, policy.mcpAuthentication].filter(item => item !== undefined));
  const providers = jwt.flatMap(item => (item.providers.length > 0 ? item.providers : [item]));
  const targets = parts.flatMap(part => part.mcp?.targets.map(target => target.name) ?? []);
  const unique = (values: string[]) => [...new Set(values.filter(Boolean))];
  return {
    name,
    matches,
    kind: parts.some(part => part.mcp) ? 'mcp' : parts.some(part => part.ai !== undefined) ? 'ai' : 'other',
    issuers: unique(providers.map(provider => provider.issuer)),
    audiences: unique(providers.flatMap(provider => provider.audiences)),
    authorization: all.flatMap(policy => policy.authorization.rules),
    mcpAuthorization: all.flatMap(policy => policy.mcpAuthorization.rules),
    targets: unique(targets),
  };
}
