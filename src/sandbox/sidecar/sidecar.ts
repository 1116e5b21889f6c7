import type { IncomingMessage } from 'node:http';
import { readBody, serve, type Listening, type Reply } from '../server.ts';
import type { World } from '../world.ts';
import { TokenAcquirer, TokenRefused } from './acquire.ts';
import { BearerRefused, createCallerCheck, type Caller } from './callers.ts';
import { callDownstream } from './downstream.ts';
import { createEntraFetch } from './entraFetch.ts';
import { NO_OVERRIDES, readOverrides, type Overrides } from './query.ts';
import type { SidecarSettings } from './settings.ts';
import { registerSwitches, type RouteSwitch } from './switches.ts';

export interface SidecarOptions {
  world: World;
  settings: SidecarSettings;
  /** The issuers whose tokens are accepted. */
  issuers: readonly string[];
  /** Certificate of the authority that Entra's own certificate comes from. */
  caPem: string;
  /** What the cluster's DNS would say: `host:port` of a Service and the origin that answers for it. */
  services: ReadonlyMap<string, string>;
}

interface Route {
  readonly switch: RouteSwitch;
  readonly method: 'GET' | 'POST';
  readonly anonymous: boolean;
}

/** Keys in lower case: the server's routing does not look at case. */
const ROUTES: Readonly<Record<string, Route>> = {
  authorizationheader: { switch: 'getAuthorizationHeader', method: 'GET', anonymous: false },
  authorizationheaderunauthenticated: {
    switch: 'getAuthorizationHeaderUnauthenticated',
    method: 'GET',
    anonymous: true,
  },
  downstreamapi: { switch: 'callDownstreamApi', method: 'POST', anonymous: false },
  downstreamapiunauthenticated: { switch: 'callDownstreamApiUnauthenticated', method: 'POST', anonymous: true },
};

const NO_STORE = { 'Cache-Control': 'no-cache, no-store, must-revalidate', Expires: '0', Pragma: 'no-cache' };

/** Starts the simulated sidecar on loopback: the HTTP API of the Microsoft Entra SDK for AgentID. */
export async function startSidecar(options: SidecarOptions): Promise<Listening> {
  const { world, settings } = options;
  const { fetch, close } = createEntraFetch(options.caPem);
  const acquirer = new TokenAcquirer({ world, settings, fetch });
  const switches = registerSwitches(world, settings.allowOverrides, () => acquirer.clear());
  const check = createCallerCheck({
    ...{ world, settings, issuers: options.issuers, fetch },
    audience: () => (switches.wantsOtherAudience ? 'api://another-application' : undefined),
  });
  /** 1.0.0 wrote the agent of a request into the shared options of the API, where the next request found it. */
  const leaked = new Map<string, string>();

  const handle = async (request: IncomingMessage, url: URL): Promise<Reply> => {
    if (switches.down) return 'drop';
    const refused = refuseCaller(world.sidecarVersion, request, url.pathname);
    if (refused) return refused;
    const [, first = '', apiName, ...more] = url.pathname.split('/');
    const name = first.toLowerCase();
    if (name === 'healthz' && !apiName) return health(request);
    if (name === 'validate' && !apiName) return validate(request);
    const route = ROUTES[name];
    if (!route || !apiName || more.length > 0) return { status: 404 };
    if (request.method !== route.method) return { status: 405, headers: { Allow: route.method } };
    const caller = await check(request.headers.authorization).catch((error: unknown) => {
      if (route.anonymous && error instanceof BearerRefused) return undefined;
      throw error;
    });
    if (!caller && !route.anonymous) return unauthorized('Bearer');
    return authorize(route, decodeURIComponent(apiName), caller, request, url);
  };

  const health = (request: IncomingMessage): Reply => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, headers: { Allow: 'GET' } };
    const headers = { ...NO_STORE, 'Content-Type': 'text/plain' };
    return switches.healthy ? { status: 200, headers, body: 'Healthy' } : { status: 503, headers, body: 'Unhealthy' };
  };

  const validate = async (request: IncomingMessage): Promise<Reply> => {
    if (request.method !== 'GET') return { status: 405, headers: { Allow: 'GET' } };
    const caller = await check(request.headers.authorization);
    if (!caller) return unauthorized('Bearer');
    if (switches.wantsOtherScope) return { status: 403 };
    return { status: 200, headers: NO_STORE, body: { protocol: 'Bearer', token: caller.raw, claims: caller.claims } };
  };

  const authorize = async (
    route: Route,
    apiName: string,
    caller: Caller | undefined,
    request: IncomingMessage,
    url: URL,
  ): Promise<Reply> => {
    const overrides = switches.allowOverrides[route.switch] ? readOverrides(url.searchParams) : NO_OVERRIDES;
    const api = settings.apis.get(apiName);
    const scopes = overrides.scopes.length > 0 ? overrides.scopes : api?.scopes;
    if (!scopes)
      return problem(
        400,
        `No scopes found for the API '${apiName}' or in optionsOverride. 'scopes' needs to be either a single value or a list of values.`,
      );
    const agent = switches.answerAs ?? agentOf(apiName, overrides);
    const isOld = world.sidecarVersion === '1.0.0';
    try {
      const token = await acquirer.acquire({
        scopes,
        agent: agent === 'blueprint' ? undefined : agent,
        agentUser: agentUserOf(overrides),
        assertion: caller?.raw,
        appToken: (api?.requestAppToken ?? false) || (overrides.requestAppToken && !isOld), // ignored by 1.0.0
        tenant: overrides.tenant,
        claims: overrides.claims,
        forceRefresh: overrides.forceRefresh,
      });
      const authorization = `Bearer ${token}`;
      if (route.method === 'GET')
        return { status: 200, headers: NO_STORE, body: { authorizationHeader: authorization } };
      const body = await readBody(request);
      const contentType = request.headers['content-type'];
      const baseUrl = resolveService(api?.baseUrl, options.services);
      const call = { baseUrl, overrides, authorization, contentType, body, followRedirects: isOld };
      return { status: 200, headers: NO_STORE, body: await callDownstream(call) };
    } catch (error) {
      if (error instanceof TokenRefused) return problem(401, error.message);
      world.log(`sidecar: ${error instanceof Error ? error.message : String(error)}`);
      return problem(500, 'An unexpected error occurred.');
    }
  };

  const agentOf = (apiName: string, overrides: Overrides): string | undefined => {
    if (world.sidecarVersion !== '1.0.0') return overrides.agentIdentity;
    if (overrides.agentIdentity) leaked.set(apiName, overrides.agentIdentity);
    return overrides.agentIdentity ?? leaked.get(apiName);
  };

  const listening = await serve({
    world,
    part: 'sidecar',
    handle: (request, url) =>
      handle(request, url).catch((error: unknown) => {
        if (error instanceof BearerRefused) return unauthorized(error.challenge);
        world.log(`sidecar: ${error instanceof Error ? error.message : String(error)}`);
        return { status: 500 }; // Entra's keys cannot be had: the server's own error, without a body
      }),
  });
  return { ...listening, close: async () => void (await Promise.all([listening.close(), close()])) };
}

/** The version's own rule about who may call: 1.0.0 looks at the Host header, 1.1.x at the source address. */
function refuseCaller(version: World['sidecarVersion'], request: IncomingMessage, path: string): Reply | undefined {
  if (version === '1.0.0')
    return (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase() === 'localhost' ? undefined : INVALID_HOST;
  if (isLoopback(request.socket.remoteAddress) || path.toLowerCase() === '/healthz') return undefined;
  return { status: 403 };
}

/** Whether a peer's address is a loopback one, IPv4-mapped ones included. */
export function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address ?? '');
}

function resolveService(baseUrl: string | undefined, services: ReadonlyMap<string, string>): URL | undefined {
  if (!baseUrl) return undefined;
  const url = new URL(baseUrl);
  const origin = services.get(url.host);
  return origin ? new URL(url.pathname, origin) : url;
}

const INVALID_HOST: Reply = {
  status: 400,
  headers: { 'Content-Type': 'text/html' },
  body: '<!DOCTYPE HTML><html><head><title>Bad Request</title></head><body><h2>Bad Request - Invalid Hostname</h2></body></html>',
};

function agentUserOf({ agentUsername, agentUserId }: Overrides): { username?: string; userId?: string } | undefined {
  if (agentUsername) return { username: agentUsername };
  return agentUserId ? { userId: agentUserId } : undefined;
}

function unauthorized(challenge: string): Reply {
  return { status: 401, headers: { 'WWW-Authenticate': challenge } };
}

const PROBLEMS = {
  400: { section: '15.5.1', title: 'Bad Request' },
  401: { section: '15.5.2', title: 'Unauthorized' },
  500: { section: '15.6.1', title: 'An error occurred while processing your request.' },
} as const;

function problem(status: keyof typeof PROBLEMS, detail: string): Reply {
  const { section, title } = PROBLEMS[status];
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json' },
    body: { type: `https://tools.ietf.org/html/rfc9110#section-${section}`, title, status, detail },
  };
}
