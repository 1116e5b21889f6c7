import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { World } from './world.ts';

/** What a handler answers; `drop` cuts the connection without a word. */
export type Reply =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** Text is sent as it is; anything else as JSON. */
      readonly body?: unknown;
    }
  | 'drop';

export interface Listening {
  /** `http(s)://127.0.0.1:<port>` */
  readonly origin: string;
  readonly port: number;
  close(): Promise<void>;
}

const LARGEST_BODY = 1024 * 1024;

/** The whole body as text; throws above one mebibyte. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new Error('The request body is larger than 1 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Listens on an ephemeral port of 127.0.0.1; each answer goes into the world's request log under `part`. */
export async function serve(options: {
  world: World;
  part: string;
  tls?: { cert: string; key: string };
  handle(request: IncomingMessage, url: URL): Promise<Reply> | Reply;
}): Promise<Listening> {
  const { world, part, tls } = options;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://sandbox.invalid');
    let reply: Reply;
    try {
      reply = await options.handle(request, url);
    } catch (error) {
      world.log(
        `${part}: ${request.method} ${url.pathname} failed: ${error instanceof Error ? error.stack : String(error)}`,
      );
      reply = { status: 500, body: 'Internal Server Error' };
    }
    const status = reply === 'drop' ? 0 : reply.status;
    world.record({ part, method: request.method ?? '', path: url.pathname, status });
    if (reply === 'drop') return void request.socket.destroy();
    const text = typeof reply.body === 'string';
    const body = reply.body === undefined ? '' : text ? (reply.body as string) : JSON.stringify(reply.body);
    response.writeHead(reply.status, {
      ...(body && { 'Content-Type': text ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8' }),
      'Content-Length': String(Buffer.byteLength(body)),
      ...reply.headers,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => void answer(request, response);
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
