import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserOptions } from './types.ts';

const LONGEST_ANSWER_BYTES = 64 * 1024;
const FORM = 'application/x-www-form-urlencoded';

export interface Listener {
  readonly port: number;
  /** The one answer that was waited for. */
  readonly answer: Promise<URLSearchParams>;
  /** Ends the listener and every connection to it at once. */
  close(): void;
}

/**
 * Listens on a port of 127.0.0.1 for the authorization response that carries `state`, as a form post or in the address
 * (OAuth 2.0 Form Post Response Mode; RFC 6749 §4.1.2). Anything else is refused and changes nothing. `closing` is what
 * the person reads then. Another program of this machine could take the port's place on ::1 and get the code: without
 * the PKCE verifier it is worth nothing.
 */
export async function listenForAnswer(
  state: string,
  closing: BrowserOptions['closing'],
  signal: AbortSignal,
): Promise<Listener> {
  const { promise: answer, resolve } = Promise.withResolvers<URLSearchParams>();
  let answered = false;
  const server = createServer((request, response) => {
    const take = async (): Promise<void> => {
      const parameters = await read(request);
      const refusal = typeof parameters === 'number' ? parameters : answered || !isAnswer(parameters, state) ? 400 : 0;
      if (refusal || typeof parameters === 'number') {
        response.writeHead(refusal, { ...HEADERS, 'Content-Type': 'text/plain' }).end('This is not the answer.');
        return;
      }
      answered = true;
      response.once('close', () => resolve(parameters)); // not before: the listener ends with it, and the page with that
      response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/html; charset=utf-8' }).end(page(closing));
    };
    take().catch(() => response.destroy());
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  server.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening', { signal });
  } catch (error) {
    close(); // cancelled in between
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return { port, answer, close };
}

/** The parameters of a request, or the status with which it is turned away. */
async function read(request: IncomingMessage): Promise<URLSearchParams | number> {
  const url = URL.parse(request.url ?? '', 'http://localhost');
  if (url?.pathname !== '/') return 404;
  if (request.method === 'GET') return url.searchParams;
  if (request.method !== 'POST') return 405;
  if (request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() !== FORM) return 415;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LONGEST_ANSWER_BYTES) return 413;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

function isAnswer(parameters: URLSearchParams, state: string): boolean {
  const states = parameters.getAll('state');
  return states.length === 1 && states[0] === state && (parameters.has('code') || parameters.has('error'));
}

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer', // in an answer by address, the address has the code
  'X-Content-Type-Options': 'nosniff',
  Connection: 'close',
};

function page({ text, language }: BrowserOptions['closing']): string {
  return `<!doctype html>
<html lang="${escape(language)}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>Agent ID</title></head>
<body><main><h1>Agent ID</h1><p>${escape(text)}</p></main></body></html>
`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`);
}
