import { AgentIdError, describe, isCancellation } from '../base/errors.ts';
import type { Disposable } from '../base/disposable.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { McpConnection } from './connection.ts';
import type { CallOptions, ServerSpec, ServerState, TokenSource, ToolResult } from './types.ts';

export interface McpServer {
  readonly spec: ServerSpec;
  readonly state: ServerState;
  readonly enabled: boolean;
  /** Calls a tool by the name that the server lists; throws as `McpConnection.callTool`, and `mcp.notConnected`. */
  call(tool: string, args: Record<string, unknown>, options: CallOptions): Promise<ToolResult>;
}

export interface ServerDeps {
  fetch: Fetch;
  token?: TokenSource;
  logger: Logger;
  clientVersion: string;
  /** For one attempt to connect and list the tools, in milliseconds. */
  connectTimeout: number;
  changed(): void;
}

/** A server of the registry: its connection, and what became of the last attempt to connect. Not connected at first. */
export class ManagedServer implements McpServer, Disposable {
  readonly spec: ServerSpec;
  readonly #deps: ServerDeps;
  #enabled: boolean;
  #state: ServerState;
  #connection: McpConnection | undefined;
  #attempt: AbortController | undefined;
  #listings = 0;
  #disposed = false;

  constructor(spec: ServerSpec, enabled: boolean, deps: ServerDeps) {
    this.spec = spec;
    this.#deps = deps;
    this.#enabled = enabled;
    this.#state = enabled ? { kind: 'connecting' } : { kind: 'disabled' };
  }

  get state(): ServerState {
    return this.#state;
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  call(tool: string, args: Record<string, unknown>, options: CallOptions): Promise<ToolResult> {
    if (!this.#connection || this.#state.kind !== 'ready')
      return Promise.reject(new AgentIdError('mcp.notConnected', { server: this.spec.label }));
    return this.#connection.callTool(tool, args, options);
  }

  /** Turns it on, which connects, or off, which ends the connection. Settles when that is done; never throws. */
  async setEnabled(enabled: boolean): Promise<void> {
    if (this.#enabled === enabled) return;
    this.#enabled = enabled;
    if (enabled) return this.refresh();
    this.#drop();
    this.#set({ kind: 'disabled' });
  }

  /**
   * Connects anew and lists the tools; the state says how it went. A later refresh, or turning it off, ends an earlier
   * one. After an abort by the caller it is not connected.
   */
  async refresh(signal?: AbortSignal): Promise<void> {
    if (!this.#enabled || this.#disposed) return;
    this.#drop();
    const attempt = (this.#attempt = new AbortController());
    this.#set({ kind: 'connecting' });
    const { connectTimeout } = this.#deps;
    const timeout = AbortSignal.timeout(connectTimeout);
    const both = AbortSignal.any([attempt.signal, timeout, ...(signal ? [signal] : [])]);
    const connection = new McpConnection(this.spec, this.#deps);
    try {
      await connection.connect(both);
      const tools = await connection.listTools(both);
      both.throwIfAborted();
      this.#connection = connection;
      connection.onToolsChanged(() => void this.#relist(connection));
      this.#set({ kind: 'ready', tools, info: connection.info! });
    } catch (error) {
      void connection.close();
      if (attempt.signal.aborted) return;
      const failure = signal?.aborted
        ? new AgentIdError('mcp.notConnected', { server: this.spec.label })
        : this.#named(error);
      this.#deps.logger.warn(`mcp: ${this.spec.label}: ${describe(failure)}`);
      this.#set({ kind: 'failed', error: failure });
    }
  }

  /** Ends the connection, politely. */
  dispose(): void {
    this.#disposed = true;
    this.#drop();
  }

  async #relist(connection: McpConnection): Promise<void> {
    const number = ++this.#listings;
    try {
      const tools = await connection.listTools(AbortSignal.timeout(this.#deps.connectTimeout));
      if (this.#connection !== connection || number !== this.#listings) return; // a later list is the newer one
      this.#set({ kind: 'ready', tools, info: connection.info! });
    } catch (error) {
      if (this.#connection !== connection) return;
      // The list that we have is better than none; the next call shows what is wrong.
      this.#deps.logger.warn(`mcp: ${this.spec.label}: the tools could not be listed again: ${describe(error)}`);
    }
  }

  #drop(): void {
    this.#attempt?.abort();
    this.#attempt = undefined;
    void this.#connection?.close();
    this.#connection = undefined;
  }

  #named(error: unknown): AgentIdError {
    const server = this.spec.label;
    if (AgentIdError.is(error)) return error;
    if (isCancellation(error) || (error instanceof Error && error.name === 'TimeoutError'))
      return new AgentIdError('mcp.timeout', { server, seconds: this.#deps.connectTimeout / 1000 }, { cause: error });
    return new AgentIdError('mcp.unreachable', { server, detail: describe(error) }, { cause: error });
  }

  #set(state: ServerState): void {
    this.#state = state;
    if (!this.#disposed) this.#deps.changed();
  }
}
