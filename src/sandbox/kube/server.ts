import type { IncomingMessage } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Api } from './api.ts';
import type { ClientCertificate } from './credentials.ts';
import type { Upgrades } from './upgrade.ts';

const IDLE_MS = 90_000; // kube-apiserver keeps idle connections this long

/** The TLS front: HTTP/2 and HTTP/1.1 on one port, as a Go server offers both. */
export class ApiServer {
  readonly #server: Http2SecureServer;
  /** Raw TCP connections, by the client's port. */
  readonly #connections = new Map<number, Socket>();
  #port = 0;

  constructor(api: Api, upgrades: Upgrades, tls: { cert: string; key: string }, client: ClientCertificate) {
    const options = {
      ...tls,
      ca: client.ca,
      requestCert: true,
      rejectUnauthorized: false, // a bearer token will do
      allowHTTP1: true,
      keepAliveTimeout: IDLE_MS,
    };
    this.#server = createSecureServer(options);
    this.#server.on('request', (request, response) => void api.handle(request, response));
    this.#server.on(
      'upgrade',
      (request: IncomingMessage, stream: Duplex, head: Buffer) => void upgrades.handle(request, stream, head),
    );
    this.#server.on('connection', (socket: Socket) => {
      const port = socket.remotePort ?? 0;
      socket.setNoDelay(true);
      this.#connections.set(port, socket);
      socket.once('close', () => this.#connections.delete(port));
    });
    this.#server.on('tlsClientError', () => {}); // a client that does not trust the CA goes away
    this.#server.on('sessionError', () => {});
  }

  get port(): number {
    return this.#port;
  }

  /** Listens on 127.0.0.1: on any free port the first time, then always on the same. */
  async listen(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening and drops every connection. */
  async stop(): Promise<void> {
    const closed = new Promise<void>(resolve => {
      this.#server.close(() => resolve());
    });
    this.cut();
    await closed;
  }

  /** Resets TCP connections: all, or those of the client ports given. */
  cut(ports?: ReadonlySet<number>): void {
    for (const [port, socket] of [...this.#connections]) if (!ports || ports.has(port)) socket.resetAndDestroy();
  }
}
