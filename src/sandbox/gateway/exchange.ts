import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { CelInput } from './cel.ts';
import type { GatewayError } from './errors.ts';
import type { Claims } from './jwt.ts';

/** What the access log knows about a request besides its head and its claims. */
export interface LogFields {
  route?: string;
  endpoint?: string;
  protocol?: 'llm' | 'mcp';
  mcp?: {
    methodName?: string;
    sessionId?: string;
    tool?: { target: string; name: string };
    prompt?: { target: string; name: string };
    resource?: { target: string; name: string };
  };
  llm?: { requestModel: string; streaming: boolean };
  error?: string;
  reason?: string;
}

/** One request on its way through the gateway; policies read it and change it in their order. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** As the client sent it. */
  readonly originalPath: string;
  /** Path and query as they go on; rewriting replaces them. */
  path: string;
  readonly query: string;
  /** Lower-case names; a policy that consumes a header deletes it here. */
  readonly headers: IncomingHttpHeaders;
  /** Aborted when the client goes away before the answer is complete. */
  readonly signal: AbortSignal;
  /** The client's address, read at once: a closed connection has none. */
  readonly source: { address: string; port: number };
  claims: Claims | undefined;
  /** The verified token, kept for `backendAuth.passthrough`. */
  token: string | undefined;
  /** Headers that policies add to whatever answer follows (CORS). */
  addedHeaders: OutgoingHttpHeaders = {};
  readonly log: LogFields = {};

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    this.method = request.method ?? 'GET';
    this.source = { address: request.socket.remoteAddress ?? '', port: request.socket.remotePort ?? 0 };
    const url = request.url ?? '/';
    const question = url.indexOf('?');
    this.originalPath = question < 0 ? url : url.slice(0, question);
    this.path = this.originalPath;
    this.query = question < 0 ? '' : url.slice(question);
    this.headers = { ...request.headers };
    response.removeHeader('connection'); // nor `Keep-Alive`: a proxy on hyper promises nothing about its connections
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    this.signal = gone.signal;
  }

  /** The variables of a rule. */
  celInput(): CelInput {
    return {
      ...(this.claims && { jwt: this.claims }),
      request: {
        method: this.method,
        path: this.path,
        pathAndQuery: this.path + this.query,
        host: this.headers.host ?? '',
        scheme: 'http',
        headers: Object.fromEntries(
          Object.entries(this.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]),
        ),
      },
      source: this.source,
      ...(this.log.mcp && { mcp: this.log.mcp }),
      ...(this.log.llm && { llm: this.log.llm }),
    };
  }

  /** Writes the head of an answer; the headers that policies added win. */
  head(status: number, headers: OutgoingHttpHeaders): ServerResponse {
    return this.response.writeHead(status, { ...headers, ...this.addedHeaders });
  }

  /** Answers whole. */
  reply(status: number, headers: OutgoingHttpHeaders, body: string | Buffer = ''): void {
    this.head(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
  }

  refuse(error: GatewayError): void {
    this.log.reason = error.reason;
    if (error.headers['content-type'] === 'text/plain') this.log.error = String(error.body);
    this.reply(error.status, error.headers, error.body);
  }
}
