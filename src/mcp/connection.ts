import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { AgentIdError, describe } from '../base/errors.ts';
import { Emitter, type Event } from '../base/event.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { SingleFlight } from '../base/singleFlight.ts';
import { quote } from '../gateway/body.ts';
import { debounce } from './debounce.ts';
import { sdkFailure } from './failures.ts';
import { createMcpHttp, type Exchange, type McpHttp } from './http.ts';
import { parseToolPage, parseToolResult } from './parse.ts';
import type { CallOptions, ServerInfo, ServerSpec, TokenSource, ToolInfo, ToolResult } from './types.ts';

/** In seconds. A tool may think; connecting and listing may not. */
const TIMEOUT = { connect: 30, list: 30, call: 300, goodbye: 2 };
/** Pages of `tools/list` and tools in all that we follow; a server with more is broken or hostile. */
const MAX_PAGES = 50;
const MAX_TOOLS = 2000;
/** How long a lost listening stream is left alone, in milliseconds; longer than the SDK's own attempts take. */
const LISTENER_REST = 30_000;

interface McpSession {
  client: Client;
  transport: StreamableHTTPClientTransport;
  http: McpHttp;
  running: number;
  /** Replaced by a newer one: closed when the last of its calls is done. */
  retired: boolean;
}

/**
 * One MCP server over streamable HTTP. It outlives the server's sessions: when the server has forgotten one, the
 * connection initializes another and repeats the request, once, since a refused session id means that nothing ran.
 * Every method throws the signal's reason when aborted, else an `McpErrorCode`, a `GatewayErrorCode`, or what the
 * token source or the tunnel threw.
 */
export class McpConnection {
  readonly spec: ServerSpec;
  readonly #deps: { fetch: Fetch; token?: TokenSource; logger: Logger; clientVersion: string };
  readonly #toolsChanged = new Emitter<void>();
  readonly #announce = debounce(() => this.#toolsChanged.fire(), 300, 2_000);
  readonly #opening = new SingleFlight<McpSession>();
  #session: McpSession | undefined;
  #info: ServerInfo | undefined;
  #closed = false;

  /** The server said that its tools changed (300 ms after the last such word, 2 s after the first at most). */
  readonly onToolsChanged: Event<void> = this.#toolsChanged.event;

  constructor(spec: ServerSpec, deps: { fetch: Fetch; token?: TokenSource; logger: Logger; clientVersion: string }) {
    this.spec = spec;
    this.#deps = deps;
  }

  /** What the server says of itself; undefined before `connect`. */
  get info(): ServerInfo | undefined {
    return this.#info;
  }

  async connect(signal: AbortSignal): Promise<void> {
    await this.#open(undefined, signal);
  }

  /** All tools, over all pages; empty for a server that offers none. */
  async listTools(signal: AbortSignal): Promise<ToolInfo[]> {
    const tools = new Map<string, ToolInfo>();
    const cursors = new Set<string>();
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES && tools.size < MAX_TOOLS; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const raw = await this.#request('tools/list', params, TIMEOUT.list, { signal });
      if (raw === undefined) return [];
      const { tools: found, nextCursor, skipped } = parseToolPage(this.spec, raw);
      if (skipped > 0) this.#deps.logger.warn(`mcp: ${this.spec.label} lists ${skipped} entries that are no tools`);
      for (const tool of found) if (!tools.has(tool.name)) tools.set(tool.name, tool);
      if (nextCursor === undefined || cursors.has(nextCursor)) break;
      cursors.add(nextCursor);
      cursor = nextCursor;
    }
    return [...tools.values()].slice(0, MAX_TOOLS);
  }

  /**
   * Calls a tool by the name that the server lists. A failure that the tool itself reports is a result with `isError`.
   * An abort is told to the server (`notifications/cancelled`) and ends the HTTP request.
   */
  async callTool(name: string, args: Record<string, unknown>, options: CallOptions): Promise<ToolResult> {
    const raw = await this.#request('tools/call', { name, arguments: args }, TIMEOUT.call, options);
    if (raw === undefined) throw new AgentIdError('mcp.unknownTool', { server: this.spec.label, tool: quote(name) });
    return parseToolResult(this.spec, raw);
  }

  /** Ends the session, politely if that takes no more than two seconds. Never throws. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#announce.dispose();
    this.#toolsChanged.dispose();
    const session = this.#session;
    this.#session = undefined;
    if (session) await goodbye(session);
  }

  /** One JSON-RPC request; undefined when the server has no tools at all. */
  async #request(method: string, params: object, seconds: number, options: CallOptions): Promise<unknown> {
    const { ResultSchema } = await import('@modelcontextprotocol/sdk/types.js');
    for (let attempt = 0, lost: McpSession | undefined; ; attempt++) {
      const session: McpSession = await this.#open(lost, options.signal);
      if (!session.client.getServerCapabilities()?.tools) return undefined;
      try {
        const result = await this.#exchange(session, seconds, options, signal =>
          session.client.request({ method, params: params as Record<string, unknown> }, ResultSchema, {
            signal,
            timeout: seconds * 1000,
          }),
        );
        this.#listenAgain(session);
        return result;
      } catch (error) {
        if (attempt > 0 || !AgentIdError.is(error, 'mcp.sessionLost')) throw error;
        this.#deps.logger.info(`mcp: ${this.spec.label} has forgotten the session, beginning another`);
        lost = session;
      }
    }
  }

  /** The session in use, or a new one when there is none or when the one in use is `lost`. */
  async #open(lost: McpSession | undefined, signal: AbortSignal): Promise<McpSession> {
    signal.throwIfAborted();
    if (this.#closed) throw new AgentIdError('mcp.notConnected', { server: this.spec.label });
    if (this.#session && this.#session !== lost) return this.#session;
    const session = await this.#opening.run('session', inner => this.#initialize(inner), signal);
    if (lost) this.#announce(); // the tools may not be what they were
    return session;
  }

  async #initialize(signal: AbortSignal): Promise<McpSession> {
    const [{ Client }, { StreamableHTTPClientTransport }, { ToolListChangedNotificationSchema }] = await Promise.all([
      import('@modelcontextprotocol/sdk/client/index.js'),
      import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
      import('@modelcontextprotocol/sdk/types.js'),
    ]);
    const { logger, clientVersion } = this.#deps;
    const http = createMcpHttp({ spec: this.spec, ...this.#deps });
    const transport = new StreamableHTTPClientTransport(new URL(this.spec.url), {
      fetch: (url, init) => http.fetch(url, init),
      reconnectionOptions: {
        initialReconnectionDelay: 1_000,
        maxReconnectionDelay: 10_000,
        reconnectionDelayGrowFactor: 1.5,
        maxRetries: 5,
      },
    });
    const client = new Client({ name: 'agent-id-vscode', version: clientVersion }, { capabilities: {} });
    client.onerror = error => logger.debug(`mcp: ${this.spec.label}: ${quote(describe(error))}`);
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => this.#announce());
    const session: McpSession = { client, transport, http, running: 0, retired: false };
    try {
      await this.#exchange(session, TIMEOUT.connect, { signal }, inner =>
        client.connect(transport, { signal: inner, timeout: TIMEOUT.connect * 1000 }),
      );
    } catch (error) {
      void transport.close();
      throw error;
    }
    if (this.#closed) {
      void goodbye(session);
      throw new AgentIdError('mcp.notConnected', { server: this.spec.label });
    }
    const { name = '', version = '' } = client.getServerVersion() ?? {};
    this.#info = { name: quote(name), version: quote(version), protocolVersion: transport.protocolVersion ?? '' };
    const old = this.#session;
    this.#session = session;
    if (old) retire(old);
    return session;
  }

  /** Runs one SDK call with a signal of its own: the SDK never lets go of the one that it is given. */
  async #exchange<T>(
    session: McpSession,
    seconds: number,
    options: CallOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { signal, traceparent } = options;
    signal.throwIfAborted();
    const abort = new AbortController();
    const stop = () => abort.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    let failure: AgentIdError | undefined;
    const exchange: Exchange = {
      signal: abort.signal,
      ...(traceparent && { traceparent }),
      settled: false,
      fail(error) {
        failure ??= error;
        abort.abort(error);
      },
    };
    session.running++;
    try {
      return await session.http.run(exchange, () => work(abort.signal));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw failure ?? sdkFailure(this.spec, error, { seconds, connecting: session !== this.#session });
    } finally {
      exchange.settled = true;
      signal.removeEventListener('abort', stop);
      session.running--;
      if (session.retired) retire(session);
    }
  }

  /** After a request that worked: takes up the listening stream again if it was lost and the SDK has given up on it. */
  #listenAgain({ http: { listener }, transport, retired }: McpSession): void {
    if (retired || listener.open || listener.unsupported || Date.now() - listener.triedAt < LISTENER_REST) return;
    // An empty id opens a fresh stream.
    transport.resumeStream('').catch(error => this.#deps.logger.debug(`mcp: ${this.spec.label}: ${describe(error)}`));
  }
}

/** Closes a session that nobody uses any more; the server has forgotten it, so there is nobody to say goodbye to. */
function retire(session: McpSession): void {
  session.retired = true;
  if (session.running === 0) void session.client.close();
}

async function goodbye({ client, transport }: McpSession): Promise<void> {
  const { promise: waited, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, TIMEOUT.goodbye * 1000);
  await Promise.race([transport.terminateSession().catch(() => {}), waited]); // a server may have no sessions to end
  clearTimeout(timer);
  await client.close();
}
