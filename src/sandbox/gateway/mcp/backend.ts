import type { RuleSet } from '../cel.ts';
import type { Exchange } from '../exchange.ts';
import { syntaxFault } from '../llm.ts';
import type { McpSpec, RoutePolicies } from '../schema.ts';
import { readAll } from '../upstream.ts';
import { KNOWN_VERSIONS, mcpErrors } from './errors.ts';
import { isKnownMethod, parseClientMessage, type ClientMessage } from './jsonrpc.ts';
import { Names } from './names.ts';
import { Relay } from './relay.ts';
import { Sessions, type Session } from './session.ts';
import { SendFailure } from './target.ts';

/**
 * A route to MCP servers, over streamable HTTP (crates/agentgateway/src/mcp/streamablehttp.rs). It speaks the protocol
 * versions up to 2025-11-25; the sessionless 2026-07-28, which the real gateway also speaks, is refused as unknown.
 */
export class McpBackend {
  readonly #spec: McpSpec;
  readonly #names: Names;
  readonly #rules: RuleSet | undefined;
  readonly #sessions: Sessions;
  readonly #maxBuffer: number;
  readonly #log: (line: string) => void;

  constructor(
    spec: McpSpec,
    policies: RoutePolicies,
    options: { rules: RuleSet | undefined; maxBuffer: number; now: () => number; log: (line: string) => void },
  ) {
    this.#spec = spec;
    this.#names = new Names(spec);
    this.#rules = options.rules;
    this.#sessions = new Sessions(spec, policies, options.now);
    this.#maxBuffer = options.maxBuffer;
    this.#log = options.log;
  }

  /** Serves one authenticated request. Throws GatewayError for what the gateway refuses. */
  async serve(exchange: Exchange): Promise<void> {
    exchange.log.protocol = 'mcp';
    switch (exchange.method) {
      case 'POST':
        return this.#post(exchange);
      case 'GET':
        return this.#get(exchange);
      case 'DELETE':
        return this.#delete(exchange);
      default:
        throw mcpErrors.methodNotAllowed();
    }
  }

  async #post(exchange: Exchange): Promise<void> {
    const { accept = '', 'content-type': type = '' } = exchange.headers;
    if (!accept.includes('application/json') || !accept.includes('text/event-stream')) throw mcpErrors.invalidAccept();
    if (!type.startsWith('application/json')) throw mcpErrors.invalidContentType();
    const message = await this.#read(exchange);
    checkHeaders(exchange, message);
    const id = message.kind === 'request' ? message.id : undefined;
    const sessionId = header(exchange, 'mcp-session-id');
    const method = message.kind === 'answer' ? undefined : message.method;
    exchange.log.mcp = { ...(method !== undefined && { methodName: method }) };

    const starts = message.kind === 'request' && message.method === 'initialize' && message.wellFormed;
    if (sessionId === undefined && !starts) throw mcpErrors.missingSessionHeader();
    const session = sessionId === undefined ? this.#sessions.create() : this.#sessions.resume(sessionId);
    exchange.log.mcp.sessionId = session.id;
    const relay = this.#relay(session, exchange);
    try {
      if (message.kind === 'answer') throw new SendFailure('invalid request: unsupported message type');
      if (message.kind === 'notification') await relay.notify(message);
      else if (starts) {
        await relay.initialize(message, () => {
          this.#sessions.keep(session);
          return { 'mcp-session-id': session.id };
        });
      } else if (!isKnownMethod(message.method)) throw new SendFailure(`unsupported method: ${message.method}`);
      else await relay.request(message);
    } catch (error) {
      if (error instanceof SendFailure) throw mcpErrors.send(id, error.message);
      throw error;
    }
  }

  async #get(exchange: Exchange): Promise<void> {
    if (!exchange.headers.accept?.includes('text/event-stream')) throw mcpErrors.invalidAcceptGet();
    const id = header(exchange, 'mcp-session-id');
    if (id === undefined) throw mcpErrors.sessionIdRequired();
    const session = this.#sessions.find(id);
    if (!session) throw mcpErrors.unknownSession();
    exchange.log.mcp = { sessionId: id };
    try {
      await this.#relay(session, exchange).events();
    } catch (error) {
      if (error instanceof SendFailure) throw mcpErrors.send(undefined, error.message);
      throw error;
    }
  }

  async #delete(exchange: Exchange): Promise<void> {
    const id = header(exchange, 'mcp-session-id');
    if (id === undefined) throw mcpErrors.sessionIdRequired();
    exchange.log.mcp = { sessionId: id };
    const session = this.#sessions.remove(id);
    if (session) await this.#relay(session, exchange).delete();
    exchange.reply(202, {});
  }

  #relay(session: Session, exchange: Exchange): Relay {
    const { spec, names, rules, log } = { spec: this.#spec, names: this.#names, rules: this.#rules, log: this.#log };
    return new Relay({ spec, names, rules, session, exchange, log });
  }

  async #read(exchange: Exchange): Promise<ClientMessage> {
    const body = await readAll(exchange.request, this.#maxBuffer).catch((error: Error) => {
      throw mcpErrors.deserialize(error.message);
    });
    const text = body.toString('utf8');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw mcpErrors.deserialize(syntaxFault(text));
    }
    const message = parseClientMessage(value);
    if (!message) throw mcpErrors.deserialize('data did not match any variant of untagged enum JsonRpcMessage');
    return message;
  }
}

/** The version that the client names, and the routing headers where it sends them, must agree with the body. */
function checkHeaders(exchange: Exchange, message: ClientMessage): void {
  const id = message.kind === 'request' ? message.id : undefined;
  const version = header(exchange, 'mcp-protocol-version');
  const initialize = message.kind === 'request' && message.method === 'initialize';
  if (version !== undefined) {
    if (!KNOWN_VERSIONS.includes(version)) throw mcpErrors.unsupportedVersion(id, version, !initialize);
    if (initialize && message.wellFormed && message.params.protocolVersion !== version)
      throw mcpErrors.versionMismatch(id);
  }
  if (message.kind === 'answer') return;
  const name = message.params.name ?? message.params.uri;
  for (const [key, body] of [
    ['mcp-method', message.method],
    ['mcp-name', name],
  ] as const) {
    const sent = header(exchange, key);
    if (sent !== undefined && typeof body === 'string' && sent !== body) throw mcpErrors.headerBodyMismatch(id, key);
  }
}

function header(exchange: Exchange, name: string): string | undefined {
  const value = exchange.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
