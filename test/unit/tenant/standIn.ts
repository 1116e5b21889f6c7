// A stand-in for Entra's token service, Microsoft Graph and Azure Resource Manager, and for what a cluster publishes of its
// issuer, over HTTP on this machine. It keeps state like a directory, checks each request, and can fail in the ways that the real ones do.
import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { azure } from './azureApi.ts';
import { ISSUER, TenantState } from './directory.ts';
import { graph } from './graphApi.ts';
import { login } from './loginApi.ts';
import { notFound, ok, refuse, type Reply } from './reply.ts';

export interface StandIn {
  readonly state: TenantState;
  readonly port: number;
  /** A fetch that brings requests for the three services here; any other address is a violation. */
  readonly fetch: typeof fetch;
  stop(): Promise<void>;
}

const HOSTS = ['login.microsoftonline.com', 'graph.microsoft.com', 'management.azure.com', new URL(ISSUER).host];

export async function startStandIn(): Promise<StandIn> {
  const state = new TenantState();
  const server = createServer((request, response) => {
    void (async () => {
      const text = await read(request);
      const reply = answer(state, request, text);
      if (reply === 'lost') return void request.socket.destroy();
      const body = reply.body === undefined ? undefined : JSON.stringify(reply.body);
      response.writeHead(reply.status, { ...reply.headers, 'Content-Type': 'application/json' }).end(body);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const toHere = (input: string | URL | Request, init?: RequestInit) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.protocol !== 'https:' || !HOSTS.includes(url.host)) {
      state.violations.push(`request to ${url.origin}`);
      throw new TypeError('fetch failed');
    }
    return fetch(`http://127.0.0.1:${port}/${url.host}${url.pathname}${url.search}`, init);
  };
  return {
    state,
    port,
    fetch: toHere,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
  return text;
}

function answer(state: TenantState, request: IncomingMessage, text: string): Reply | 'lost' {
  const url = new URL(request.url ?? '/', 'http://stand-in');
  const [, host = '', ...rest] = url.pathname.split('/');
  const path = `/${rest.join('/')}`;
  const method = request.method ?? '';
  const line = `${method} ${path}`;
  const { faults } = state;
  if (host === new URL(ISSUER).host) {
    if (request.headers.authorization !== undefined) state.violations.push(`${line}: a token for the issuer`);
    const known = faults.issuer !== undefined && path === '/cluster/.well-known/openid-configuration';
    return known ? ok({ issuer: faults.issuer, jwks_uri: `${ISSUER}/openid/v1/jwks` }) : notFound;
  }
  const throttled = faults.throttled.findIndex(({ match }) => match.test(line));
  if (throttled >= 0) {
    const [fault] = faults.throttled.splice(throttled, 1);
    return {
      status: 429,
      body: { error: { code: 'TooManyRequests', message: '' } },
      headers: { 'Retry-After': fault?.retryAfter ?? '1' },
    };
  }
  state.log.push(line);
  const failing = faults.failing.find(({ match, times }) => times > 0 && match.test(line));
  if (failing) {
    failing.times--;
    return refuse(failing.status, 'serviceNotAvailable');
  }
  const type = request.headers['content-type'] ?? '';
  if (host === 'login.microsoftonline.com') {
    if (!type.startsWith('application/x-www-form-urlencoded')) state.violations.push(`${line}: content type ${type}`);
    return login(state, path, new URLSearchParams(text));
  }
  const token = state.tokens.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
  if (!token || token.audience !== host) {
    state.violations.push(`${line}: no token for ${host}`);
    return refuse(401, 'InvalidAuthenticationToken');
  }
  if (text && !type.startsWith('application/json')) state.violations.push(`${line}: content type ${type}`);
  const forbidden = faults.forbidden.find(({ match, times }) => times > 0 && match.test(line));
  if (forbidden) {
    forbidden.times--;
    return refuse(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
  }
  const call = {
    method,
    path,
    query: url.searchParams,
    body: text ? (JSON.parse(text) as unknown) : undefined,
    token,
    state,
  };
  let reply: Reply;
  if (host === 'management.azure.com') reply = azure(call);
  else {
    if (request.headers['odata-version'] !== '4.0') state.violations.push(`${line}: OData-Version`);
    const [, version = '', inner = ''] = /^\/(v1\.0|beta)(\/.*)$/.exec(path) ?? [];
    reply = graph({ ...call, path: inner }, version);
  }
  if (!faults.lost?.match.test(line) || faults.lost.times === 0) return reply;
  faults.lost.times--;
  return 'lost';
}
