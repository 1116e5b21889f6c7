import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createProxyServer } from 'httpxy';
import type { VsCodeServer } from './server.ts';

/** The cookie that VS Code's server sets once it was shown its connection token in the address. */
const COOKIE = 'vscode-tkn';

export interface Front {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** An address of the workbench that opens `folder` and carries the connection token. */
  readonly url: (folder: string, payload?: [string, string][]) => string;
  readonly close: () => Promise<void>;
}

/**
 * The one door to VS Code's server, on the loopback. It passes everything on and adds what the bare server lacks:
 * - `POST /mint-key`: the key that encrypts the secrets in the browser, one for each run, so that they survive a reload;
 * - `/proxy/N/…`: the page of a local port, to which the workbench rewrites `http://localhost:N/…` links. Such a page
 *   shares the workbench's origin, so it comes without scripts and without the workbench's cookie.
 * Both ask for the connection token's cookie. A foreign `Host` or `Origin` is refused, against DNS rebinding.
 */
export async function startFront(server: Pick<VsCodeServer, 'port' | 'token'>): Promise<Front> {
  const key = randomBytes(32);
  const proxy = createProxyServer({ xfwd: false, proxyTimeout: 0 });
  proxy.on('error', (_error, _request, response) => {
    if (!response || response.destroyed) return;
    if ('writeHead' in response && !response.headersSent) answer(response, 502, 'There is no answer from that port.');
    else response.destroy();
  });
  proxy.on('proxyRes', (upstream, request) => {
    const local = localPort(request.url);
    if (!local) return;
    upstream.headers['content-security-policy'] = 'sandbox allow-forms allow-same-origin';
    upstream.headers['referrer-policy'] = 'same-origin'; // under `no-referrer` the page's forms come with `Origin: null`
    const { location } = upstream.headers;
    if (location) upstream.headers.location = underProxy(location, local.port);
  });

  const sockets = new Set<Socket>();
  const http = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy());
  });
  http.on('connection', socket => void sockets.add(socket.once('close', () => sockets.delete(socket))));
  http.on('upgrade', (request, socket: Socket, head) => {
    socket.on('error', () => socket.destroy());
    if (!isOurs(request) || localPort(request.url)) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    proxy.ws(request, socket, { target: `http://127.0.0.1:${server.port}` }, head).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = http.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;

  /** True when the request was meant for this address, and by a page of ours if a page sent it. */
  function isOurs({ headers }: IncomingMessage): boolean {
    const names = [`127.0.0.1:${port}`, `localhost:${port}`];
    const from = headers.origin;
    return names.includes(headers.host ?? '') && (!from || names.some(name => from === `http://${name}`));
  }

  function holdsToken({ headers }: IncomingMessage): boolean {
    const cookies = (headers.cookie ?? '').split(/;\s*/);
    return cookies.some(
      cookie => cookie.startsWith(`${COOKIE}=`) && same(cookie.slice(COOKIE.length + 1), server.token),
    );
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const local = localPort(request.url);
    const minting = request.url === '/mint-key';
    if (!isOurs(request)) return answer(response, 403, 'This address is not for you.');
    if ((local || minting) && !holdsToken(request)) return answer(response, 403, 'Open the workbench first.');
    if (minting) {
      if (request.method !== 'POST') return answer(response, 405, 'POST only.');
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' }).end(key);
      return;
    }
    if (!local) return proxy.web(request, response, { target: `http://127.0.0.1:${server.port}` });
    if (local.port === port || local.port === server.port) return answer(response, 403, 'That port is this one.');
    const { cookie } = request.headers;
    if (cookie) request.headers.cookie = withoutToken(cookie);
    await proxy.web(request, response, {
      target: `http://127.0.0.1:${local.port}${local.path}`,
      ignorePath: true,
      changeOrigin: true,
      cookiePathRewrite: `/proxy/${local.port}/`,
    });
  }

  return {
    origin,
    url: (folder, payload = []) =>
      `${origin}/?${new URLSearchParams({ tkn: server.token, folder, payload: JSON.stringify(payload) }).toString()}`,
    async close() {
      const closed = new Promise(resolve => http.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What `/proxy/N/rest` names; `request.url` is kept as it came, so both directions can ask. */
function localPort(url = ''): { port: number; path: string } | undefined {
  const match = /^\/proxy\/(\d{1,5})(\/.*)?$/.exec(url);
  const port = Number(match?.[1]);
  return port > 0 && port < 65536 ? { port, path: match?.[2] ?? '/' } : undefined;
}

/** Keeps a redirect of a proxied page below its prefix; one to another host stays as it is. */
function underProxy(location: string, port: number): string {
  const base = `http://127.0.0.1:${port}`;
  const url = new URL(location, `${base}/`);
  const own = url.port === String(port) && ['127.0.0.1', 'localhost'].includes(url.hostname);
  const relative = !/^([a-z]+:)?\//i.test(location);
  return own && !relative ? `/proxy/${port}${url.pathname}${url.search}${url.hash}` : location;
}

function withoutToken(cookies: string): string {
  return cookies
    .split(/;\s*/)
    .filter(cookie => !cookie.startsWith(`${COOKIE}=`))
    .join('; ');
}

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
