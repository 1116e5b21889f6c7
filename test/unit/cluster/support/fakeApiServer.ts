import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';

export interface FakePod {
  name: string;
  ready?: boolean;
  terminating?: boolean;
  waiting?: string;
  /** Milliseconds since the epoch. */
  created?: number;
}

/** One port-forward as the server sees it. */
export interface Forward {
  pod: string;
  port: number;
  ws: WebSocket;
  /** The connection below the WebSocket. */
  raw: Duplex;
}

type Route = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/**
 * An API server for tests that misbehaves on demand. Its WebSocket end is the `ws` library, so that our frames are read by
 * somebody else's code; what it does with them is what containerd was seen to do.
 */
export class FakeApiServer {
  readonly requests: string[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  readonly forwards = new Set<Forward>();
  readonly routes = new Map<string, Route>();
  /** TCP connections that were ever accepted. */
  connections = 0;
  /** Upgrades that were ever granted. */
  dials = 0;
  pods: FakePod[] = [{ name: 'pod-a' }];
  /** Where each pod's process listens on 127.0.0.1; a pod that is not listed refuses connections. */
  backends = new Map<string, number>();
  /** Between the end of the pod's connection and the close frame (1 s in containerd), in milliseconds. */
  linger = 0;
  /** Takes the place of the forwarding. */
  onForward: ((forward: Forward) => void) | undefined;
  /** Takes the place of the whole upgrade: the raw socket, nothing answered yet. */
  onUpgrade: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | undefined;
  readonly #server: Server;
  readonly #scheme: string;
  readonly #sockets = new Set<Socket>();
  readonly #silent = new WeakSet<object>();
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: offered => (offered.has('v4.channel.k8s.io') ? 'v4.channel.k8s.io' : false),
  });

  private constructor(server: Server, scheme: string) {
    this.#server = server;
    this.#scheme = scheme;
    server.on('connection', () => this.connections++);
    // Of a TLS connection only the upper socket may be destroyed: Node keeps the lower one open for ever otherwise.
    server.on(scheme === 'https' ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#onRequest(request, response));
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#note(request);
      socket.on('error', () => {});
      if (this.#silent.has(socket)) return;
      if (this.onUpgrade) this.onUpgrade(request, socket, head);
      else this.#onUpgrade(request, socket, head);
    });
  }

  static async start(tls?: { cert: string; key: string; ca?: string; requestCert?: boolean }): Promise<FakeApiServer> {
    const server = tls ? createTlsServer({ ...tls, rejectUnauthorized: false }) : createServer();
    const fake = new FakeApiServer(server, tls ? 'https' : 'http');
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets) {
      if (this.#scheme === 'http') socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  /** Whatever comes over the connections of now is not heard, and no packet says so. New ones are served. */
  fallSilent(): void {
    for (const socket of this.#sockets) this.#silent.add(socket);
    for (const { ws } of this.forwards) ws.pause();
  }

  static json(response: ServerResponse, status: number, body: unknown): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  static status(response: ServerResponse, code: number, message: string): void {
    FakeApiServer.json(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code });
  }

  #note(request: IncomingMessage): void {
    this.requests.push(`${request.method} ${request.url}`);
    this.headers.push(request.headers);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#note(request);
    if (this.#silent.has(request.socket)) return;
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const path = (request.url ?? '').replace(/\?.*$/, '');
      const route = this.routes.get(path);
      if (route) return route(request, response, body);
      if (/\/pods$/.test(path)) return FakeApiServer.json(response, 200, { items: this.pods.map(toPod) });
      FakeApiServer.status(response, 404, `the server could not find ${path}`);
    });
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '', 'http://fake.invalid');
    const pod = /\/pods\/([^/]+)\/portforward$/.exec(url.pathname)?.[1] ?? '';
    if (!this.pods.some(({ name }) => name === pod))
      return refuse(socket, 404, 'Not Found', {
        kind: 'Status',
        message: `pods "${pod}" not found`,
        reason: 'NotFound',
        code: 404,
      });
    this.#webSockets.handleUpgrade(request, socket, head, ws => {
      this.dials++;
      const forward: Forward = { pod, port: Number(url.searchParams.get('ports')), ws, raw: socket };
      this.forwards.add(forward);
      ws.on('error', () => {});
      ws.once('close', () => this.forwards.delete(forward));
      if (this.onForward) this.onForward(forward);
      else this.forward(forward);
    });
  }

  /** What a container runtime does: both headers first, then it dials the port. */
  forward({ pod, port, ws, raw }: Forward): void {
    sendHeaders(ws, port);
    const backend = connect({ port: this.backends.get(pod) ?? 1, host: '127.0.0.1', allowHalfOpen: true });
    let connected = false;
    backend.on('connect', () => (connected = true));
    backend.on('error', error => {
      if (!connected)
        ws.send(
          channel(1, Buffer.from(`error forwarding port ${port}: dial tcp: connection refused (${error.message})`)),
        );
      ws.close(1000);
    });
    backend.on('data', (data: Buffer) => {
      backend.pause();
      ws.send(channel(0, data), () => backend.resume());
    });
    backend.on('end', () => setTimeout(() => ws.close(1000), this.linger));
    ws.on('message', (message: Buffer) => {
      if (message[0] !== 0 || backend.destroyed || backend.readableEnded) return; // lost without a word
      if (backend.write(message.subarray(1))) return;
      ws.pause();
      backend.once('drain', () => this.#silent.has(raw) || ws.resume());
    });
    ws.once('close', () => backend.destroy());
  }
}

export function channel(number: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([number]), data]);
}

/** The two first messages of every port-forward: the port, little endian, on both channels. */
export function sendHeaders(ws: WebSocket, port: number): void {
  const bytes = Buffer.from([port & 0xff, port >> 8]);
  ws.send(channel(0, bytes));
  ws.send(channel(1, bytes));
}

export function refuse(socket: Duplex, status: number, text: string, body?: unknown): void {
  const payload = body === undefined ? '' : JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\ncontent-type: application/json\r\ncontent-length: ${payload.length}\r\nconnection: close\r\n\r\n${payload}`,
  );
}

function toPod({ name, ready = true, terminating, waiting, created = 0 }: FakePod) {
  return {
    metadata: {
      name,
      creationTimestamp: new Date(created).toISOString(),
      ...(terminating ? { deletionTimestamp: new Date().toISOString() } : {}),
    },
    spec: { containers: [] },
    status: {
      phase: 'Running',
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', reason: ready ? undefined : 'ContainersNotReady' },
      ],
      containerStatuses: [{ name: 'app', state: waiting ? { waiting: { reason: waiting } } : { running: {} } }],
    },
  };
}
