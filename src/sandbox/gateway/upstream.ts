import http, { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { plain } from './errors.ts';

/** Headers that belong to one connection (RFC 9110 7.6.1), plus what `request` sets itself. */
const PER_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** A copy without the headers that describe one connection and not the message. */
export function endToEnd(headers: IncomingHttpHeaders | OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !PER_CONNECTION.has(name)));
}

export interface UpstreamCall {
  url: URL;
  method: string;
  headers: OutgoingHttpHeaders;
  body?: string | Buffer;
  signal: AbortSignal;
}

/**
 * Sends one request with exactly these headers and resolves with the answer's head; the body streams. It goes through
 * node:http, which (unlike `fetch`) adds no header, decodes no body and puts no time limit on a silent stream. Rejects
 * with AgentGateway's 503 `upstream call failed` when there is no answer.
 */
export function callUpstream(call: UpstreamCall): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const transport = call.url.protocol === 'https:' ? https : http;
  const request = transport.request(
    call.url,
    {
      method: call.method,
      headers: { ...endToEnd(call.headers), host: call.url.host },
      signal: call.signal,
      setDefaultHeaders: false,
      agent: false, // a pooled connection to an upstream that was restarted would fail the next call
    },
    resolve,
  );
  request.on('error', (error: NodeJS.ErrnoException) => {
    if (error.syscall === 'getaddrinfo')
      reject(plain('NoHealthyBackend', 503, 'backends required DNS resolution which failed'));
    else {
      const refused = error.code === 'ECONNREFUSED' ? 'Connection refused (os error 111)' : error.message;
      const detail = error.syscall === 'connect' ? `Connect: ${refused}` : `SendRequest: ${error.message}`;
      reject(plain('UpstreamFailure', 503, `upstream call failed: ${detail}`));
    }
  });
  if (call.body !== undefined) request.setHeader('content-length', Buffer.byteLength(call.body));
  request.end(call.body);
  return promise;
}

/** The whole body, or a rejection when it is longer than `limit` bytes or breaks off. */
export async function readAll(message: IncomingMessage, limit = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk); // the rest is read and dropped: a closed connection would hide the refusal
  }
  if (size > limit) throw new RangeError('length limit exceeded');
  return Buffer.concat(chunks);
}
