import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  method: string;
  /** Path with query. */
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** Resolves when the client has gone or the answer is complete. */
  closed: Promise<void>;
}

export type Handler = (request: Received, response: ServerResponse) => void | Promise<void>;

/** A loopback HTTP server for one test: it records what it gets and answers with the handler. */
export async function startServer(handler: Handler) {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const received: Received = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        closed: new Promise(resolve => response.on('close', resolve)),
      };
      requests.push(received);
      void handler(received, response);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** Answers with a body in one piece. */
export function answer(response: ServerResponse, status: number, type: string, body: string, headers = {}) {
  response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}

/** Server-sent events of a chat completion, ended by `[DONE]` unless told otherwise. */
export function answerChat(response: ServerResponse, chunks: unknown[], end = 'data: [DONE]\n\n') {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(chunks.map(chunk => `data: ${JSON.stringify(chunk)}\n\n`).join('') + end);
}

/** One chunk of a streamed completion. */
export function chunk(delta: object, finish_reason: string | null = null) {
  return { id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] };
}
