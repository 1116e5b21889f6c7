import { stringify } from 'yaml';
import { Random } from './random.ts';
import { ruleMaker } from './rules.ts';
import { APP, AUDIENCE, makeTokens, V1_ISSUER, V2_ISSUER, type Keys, type TokenCase } from './tokens.ts';

export interface RouteCase {
  kind: 'ai' | 'mcp';
  /** Where a request is sent. */
  path: string;
  /** The route as the gateway's file has it. */
  route: object;
}

export interface PolicyCase {
  route: RouteCase;
  token: TokenCase;
}

export interface Matrix {
  seed: number;
  /** An AgentGateway 1.4 file that holds every route. */
  file: string;
  cases: PolicyCase[];
}

export const TARGETS: Record<string, readonly string[]> = { docs: ['search', 'fetch'], web: ['search', 'crawl'] };

export interface MatrixOptions {
  seed: number;
  keys: Keys;
  /** Origin of what stands behind the gateway, on plain HTTP. */
  upstream: string;
  /** Port that the file's gateway listens on. */
  port: number;
  /** Seconds since the epoch. */
  now: number;
}

const ROUTES = 80;
const TOKENS = 60;
const TOKENS_PER_ROUTE = 6;

/** The same seed, keys and time give the same matrix. */
export async function createMatrix(options: MatrixOptions): Promise<Matrix> {
  const random = new Random(options.seed);
  const rules = ruleMaker(random);
  const routes = [
    ...Array.from({ length: ROUTES }, (_, index) => randomRoute(random, rules, options, index)),
    ...plain(options),
    ...precedence(options),
  ];
  const tokens = await makeTokens(random, options.keys, options.now, TOKENS);
  const file = stringify(
    {
      config: { adminAddr: 'off' },
      gateways: { default: { port: options.port } },
      routes: routes.map(({ route }) => route),
    },
    { lineWidth: 0 },
  );
  const cases = routes.flatMap(route => {
    // Every departure from a good token is tried where nothing else stands in its way.
    const chosen = route.path.includes('/plain') ? tokens : random.shuffled(tokens).slice(0, TOKENS_PER_ROUTE);
    return chosen.map(token => ({ route, token }));
  });
  return { seed: options.seed, file, cases };
}

function randomRoute(
  random: Random,
  rules: ReturnType<typeof ruleMaker>,
  options: MatrixOptions,
  index: number,
): RouteCase {
  const kind = random.chance(0.6) ? 'mcp' : 'ai';
  const name = `p${String(index).padStart(3, '0')}`;
  const policies = {
    ...tokenPolicy(random, options.keys, kind),
    ...(random.chance(kind === 'ai' ? 0.8 : 0.2) && { authorization: { rules: rules('authorization') } }),
    ...(kind === 'mcp' && random.chance(0.9) && { mcpAuthorization: { rules: rules('mcpAuthorization') } }),
  };
  return kind === 'mcp'
    ? { kind, path: `/mcp/${name}`, route: mcpRoute(name, policies, options) }
    : {
        kind,
        path: `/llm/${name}/chat/completions`,
        route: aiRoute(name, { pathPrefix: `/llm/${name}` }, policies, options),
      };
}

function tokenPolicy(random: Random, keys: Keys, kind: RouteCase['kind']): object {
  if (random.chance(0.03)) return {};
  const set = (...indexes: number[]) => JSON.stringify({ keys: indexes.map(index => keys.public[index]) });
  const options = () => {
    const required = random.pick([undefined, undefined, [], ['exp', 'aud', 'iss'], ['sub', 'nbf'], ['exp', 'jti']]);
    return required && { jwtValidationOptions: { requiredClaims: required } };
  };
  const provider = {
    issuer: random.chance(0.85) ? V1_ISSUER : V2_ISSUER,
    ...(random.chance(0.85) && { audiences: random.pick([[AUDIENCE], [AUDIENCE, APP], [APP]]) }),
    jwks: set(0),
    ...options(),
  };
  const mode = random.pick(['strict', 'strict', 'strict', 'optional', 'permissive', undefined]);
  const written = mode && { mode };
  if (kind === 'mcp' && random.chance(0.3)) {
    const resourceMetadata = { resource: 'http://localhost/mcp' };
    return { mcpAuthentication: { ...written, audiences: [AUDIENCE], ...provider, resourceMetadata } };
  }
  if (random.chance(0.7)) return { jwtAuth: { ...written, ...provider } };
  const second = { issuer: V2_ISSUER, audiences: [APP], jwks: random.pick([set(0), set(1), set(0, 1)]), ...options() };
  return { jwtAuth: { ...written, providers: random.shuffled([provider, second]) } };
}

/** Routes without rules, whose policies are what a person would write. */
function plain(options: MatrixOptions): RouteCase[] {
  const jwks = JSON.stringify({ keys: options.keys.public });
  const provider = { mode: 'strict', issuer: V1_ISSUER, audiences: [AUDIENCE], jwks };
  const resourceMetadata = { resource: 'http://localhost/mcp' };
  return [
    {
      ...{ kind: 'ai', path: '/llm/plain/chat/completions' },
      route: aiRoute('plain-llm', { pathPrefix: '/llm/plain' }, { jwtAuth: provider }, options),
    },
    {
      ...{ kind: 'mcp', path: '/mcp/plain' },
      route: mcpRoute('plain', { mcpAuthentication: { ...provider, resourceMetadata } }, options),
    },
  ];
}

/** Routes that overlap: which one takes a request shows in whether it is let in. */
function precedence(options: MatrixOptions): RouteCase[] {
  const no = { authorization: { rules: [{ deny: 'true' }] } };
  const entry = (name: string, match: object, path: string, policies: object, more: object = {}): RouteCase => ({
    ...{ kind: 'ai', path, route: { ...aiRoute(name, match, policies, options), ...more } },
  });
  const when = (name: string, prefix: string) => ({
    matches: [{ path: { pathPrefix: prefix }, headers: [{ name, value: { exact: 'a' } }] }],
  });
  return [
    entry('wide', { pathPrefix: '/over' }, '/over/other', no),
    entry('narrow', { pathPrefix: '/over/lap' }, '/over/lap/x', {}),
    entry('exact', { exact: '/over/lap/exact' }, '/over/lap/exact', no),
    entry('whole', { pathPrefix: '/whole' }, '/wholesale', {}),
    entry('slash', { pathPrefix: '/slash/' }, '/slash', {}),
    entry('tail', { exact: '/tail' }, '/tail/', {}),
    entry('elsewhere', { pathPrefix: '/host/x' }, '/host/x', no, { hostnames: ['api.example', '*.example'] }),
    entry('anywhere', { pathPrefix: '/host' }, '/host/y', {}),
    entry('ours', { pathPrefix: '/our' }, '/our/x', {}, { hostnames: ['localhost'] }),
    entry('not-ours', { exact: '/our/x' }, '/our/x', no),
    entry('only-there', { pathPrefix: '/there' }, '/there', {}, { hostnames: ['api.example'] }),
    entry('tenant', {}, '/when/x', no, when('x-tenant', '/when')),
    entry('no-tenant', { pathPrefix: '/when' }, '/when/y', {}),
  ];
}

function aiRoute(name: string, path: object, policies: object, { upstream }: MatrixOptions): object {
  const ai = { name: 'model', hostOverride: new URL(upstream).host, provider: { openAI: {} } };
  return { name, matches: [{ path }], policies, backends: [{ ai }] };
}

function mcpRoute(name: string, policies: object, { upstream }: MatrixOptions): object {
  const targets = Object.keys(TARGETS).map(target => ({ name: target, mcp: { host: `${upstream}/${target}` } }));
  return { name, matches: [{ path: { exact: `/mcp/${name}` } }], policies, backends: [{ mcp: { targets } }] };
}
