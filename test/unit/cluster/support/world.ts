import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../../../../src/base/clock.ts';
import { silentLogger } from '../../../../src/base/logger.ts';
import type { Access, CredentialSource } from '../../../../src/cluster/credentials.ts';
import { HttpKubeApi } from '../../../../src/cluster/kubeApi.ts';
import type { LinkTimes } from '../../../../src/cluster/patience.ts';
import { openTunnel, type Tunnel } from '../../../../src/cluster/tunnel.ts';
import { FakeApiServer } from './fakeApiServer.ts';

/** Short enough for a test, long enough for a busy machine. */
export const FAST: Partial<LinkTimes> = { patience: 3_000, backoffMin: 20, backoffMax: 100, settle: 40, podAge: 0 };

/** Credentials that need no kubeconfig: each renewal gives the next token. */
export function fixedCredentials(...tokens: string[]): CredentialSource & { renewals: number } {
  const access = (index: number): Access => ({
    headers: { authorization: `Bearer ${tokens[Math.min(index, tokens.length - 1)]}` },
    tls: {},
  });
  let current = access(0);
  return {
    renewals: 0,
    get: async () => current,
    async renew() {
      return (current = access(++this.renewals));
    },
  };
}

/** The process in the pod. */
export class Backend {
  readonly sockets = new Set<Socket>();
  accepted = 0;
  requests: string[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.keepAliveTimeout = 0;
    server.on('connection', (socket: Socket) => {
      this.accepted++;
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    server.prependListener('request', request => this.requests.push(`${request.method} ${request.url}`));
  }

  static async start(listener: RequestListener, port = 0): Promise<Backend> {
    const backend = new Backend(createServer(listener));
    await new Promise<void>(resolve => backend.#server.listen(port, '127.0.0.1', resolve));
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }
}

export interface TestWorld {
  server: FakeApiServer;
  backend: Backend;
  api: HttpKubeApi;
  tunnel: Tunnel;
}

/** A fake cluster with one pod, and a tunnel into it, for as long as `work` runs. */
export async function withTunnel(
  listener: RequestListener,
  work: (world: TestWorld) => Promise<void>,
  options: {
    connections?: number;
    times?: Partial<LinkTimes>;
    clock?: Clock;
    prepare?(server: FakeApiServer): void;
  } = {},
): Promise<void> {
  const server = await FakeApiServer.start();
  const backend = await Backend.start(listener);
  server.backends.set('pod-a', backend.port);
  options.prepare?.(server);
  const api = new HttpKubeApi({ context: 'test', server: server.origin, credentials: fixedCredentials('dev') });
  const tunnel = await openTunnel({
    api,
    name: 'gateway',
    namespace: 'ns',
    selector: { app: 'gateway' },
    port: 3000,
    connections: options.connections ?? 4,
    logger: silentLogger,
    times: { ...FAST, ...options.times },
    ...(options.clock && { clock: options.clock }),
  });
  try {
    await work({ server, backend, api, tunnel });
  } finally {
    await tunnel.close();
    await api.close();
    await backend.close();
    await server.close();
  }
}

export function collectStates(tunnel: Tunnel): string[] {
  const seen: string[] = [];
  tunnel.onDidChangeState(state => seen.push(state.kind));
  return seen;
}
