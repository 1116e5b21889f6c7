import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { GatewayError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { McpSpec, RoutePolicies } from '../schema.ts';
import { callUpstream, endToEnd, readAll } from '../upstream.ts';
import { isKnownMethod, parseServerMessage, type JsonObject, type ServerMessage } from './jsonrpc.ts';
import { sseData } from './sse.ts';

export type TargetSpec = McpSpec['targets'][number];

/** A request that could not be handed on; the gateway answers `failed to send message: <detail>`. */
export class SendFailure extends Error {}

const clientError = (detail: string) => new SendFailure(`http upstream error: http request failed: ${detail}`);

/** The client's headers that are not for an upstream; `accept-encoding` because nothing here decodes a body. */
const OWN_HEADERS = ['host', 'content-length', 'content-encoding', 'mcp-session-id', 'accept-encoding'];

/** One MCP server behind the gateway, within one session of a client. */
export class Target {
  readonly name: string;
  /** The upstream's own session. */
  session: string | undefined;
  readonly #url: URL;
  readonly #passToken: boolean;

  constructor(spec: TargetSpec, policies: RoutePolicies) {
    this.name = spec.name;
    const tls = (spec.policies?.backendTLS ?? policies.backendTLS) !== undefined;
    this.#url =
      'port' in spec.mcp
        ? new URL(`${tls ? 'https' : 'http'}://${spec.mcp.host}:${spec.mcp.port}${spec.mcp.path}`)
        : new URL(spec.mcp.host);
    this.#passToken = (spec.policies?.backendAuth ?? policies.backendAuth) !== undefined;
  }

  /**
   * Sends a request and resolves once the upstream has accepted it. Rejects with GatewayError, the upstream's own
   * answer, when that is not a success, and with SendFailure when there is none.
   */
  async request(message: JsonObject, exchange: Exchange, signal: AbortSignal): Promise<AsyncIterable<ServerMessage>> {
    const answer = await this.#post(message, exchange, signal);
    if (message.method === 'initialize') {
      const session = answer.headers['mcp-session-id'];
      this.session = typeof session === 'string' ? session : undefined;
    }
    const type = answer.headers['content-type'] ?? '';
    if (answer.statusCode === 202 || answer.statusCode === 204) {
      answer.resume();
      throw clientError("unexpected 'accepted' response");
    }
    if (type.startsWith('text/event-stream')) return messagesOf(sseData(answer));
    if (type.startsWith('application/json')) {
      const text = (await readAll(answer)).toString('utf8');
      return messagesOf([text]);
    }
    answer.resume();
    throw clientError(`unexpected content type: ${type === '' ? 'None' : `Some(${JSON.stringify(type)})`}`);
  }

  /** Sends a notification; the same rejections as `request`. */
  async notify(message: JsonObject, exchange: Exchange, signal: AbortSignal): Promise<void> {
    (await this.#post(message, exchange, signal)).resume();
  }

  /** Opens the upstream's stream of unasked messages; the same rejections as `request`. */
  async events(exchange: Exchange, signal: AbortSignal): Promise<AsyncIterable<ServerMessage>> {
    const answer = await this.#call('GET', { accept: 'text/event-stream' }, undefined, exchange, signal);
    const type = answer.headers['content-type'] ?? '';
    if (type.startsWith('text/event-stream')) return messagesOf(sseData(answer));
    answer.resume();
    throw clientError(
      `unexpected content type for GET streams: ${type === '' ? 'None' : `Some(${JSON.stringify(type)})`}`,
    );
  }

  /** Ends the upstream's session, if it gave one. */
  async delete(exchange: Exchange, signal: AbortSignal): Promise<void> {
    if (this.session !== undefined) (await this.#call('DELETE', {}, undefined, exchange, signal)).resume();
  }

  #post(message: JsonObject, exchange: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
    const headers: OutgoingHttpHeaders = {
      'content-type': 'application/json',
      accept: 'text/event-stream, application/json',
    };
    const method = String(message.method);
    const params = (message.params ?? {}) as JsonObject;
    headers['mcp-method'] = method;
    const name = params.name ?? params.uri;
    if (isKnownMethod(method) && typeof name === 'string' && /^[\x21-\x7e]+$/.test(name)) headers['mcp-name'] = name;
    return this.#call('POST', headers, JSON.stringify(withTrace(message, params, exchange)), exchange, signal);
  }

  async #call(
    method: string,
    own: OutgoingHttpHeaders,
    body: string | undefined,
    exchange: Exchange,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const headers: OutgoingHttpHeaders = endToEnd(exchange.headers);
    for (const name of [...OWN_HEADERS, 'mcp-method', 'mcp-name']) delete headers[name];
    Object.assign(headers, own);
    if (this.session !== undefined) headers['mcp-session-id'] = this.session;
    if (this.#passToken && exchange.token !== undefined) headers.authorization = `Bearer ${exchange.token}`;
    let answer: IncomingMessage;
    try {
      const request = { url: this.#url, method, headers, signal, ...(body !== undefined && { body }) };
      answer = await callUpstream(request);
    } catch (error) {
      throw error instanceof GatewayError ? clientError(String(error.body)) : error;
    }
    const status = answer.statusCode ?? 502;
    if (status >= 200 && status < 300) return answer;
    throw new GatewayError('MCP', status, endToEnd(answer.headers), await readAll(answer));
  }
}

/** W3C trace context goes into the message too, for upstreams without headers (SEP-414). */
function withTrace(message: JsonObject, params: JsonObject, exchange: Exchange): JsonObject {
  const trace: JsonObject = {};
  for (const key of ['traceparent', 'tracestate', 'baggage'])
    if (exchange.headers[key] !== undefined) trace[key] = exchange.headers[key];
  if (Object.keys(trace).length === 0) return message;
  return { ...message, params: { ...params, _meta: { ...(params._meta as JsonObject | undefined), ...trace } } };
}

async function* messagesOf(texts: AsyncIterable<string> | Iterable<string>): AsyncGenerator<ServerMessage> {
  for await (const text of texts) {
    const message = parseServerMessage(JSON.parse(text));
    if (!message) throw new SyntaxError('data did not match any variant of untagged enum JsonRpcMessage');
    yield message;
  }
}
