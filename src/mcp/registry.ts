import { AgentIdError } from '../base/errors.ts';
import type { Disposable } from '../base/disposable.ts';
import { Emitter, type Event } from '../base/event.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { quote } from '../gateway/body.ts';
import { parseServerUrl, slugOf } from './address.ts';
import { McpConnection } from './connection.ts';
import { modelNames } from './names.ts';
import { toParameters } from './schemas.ts';
import { ManagedServer, type McpServer, type ServerDeps } from './server.ts';
import type { ServerInfo, ServerSpec, TokenSource, ToolInfo } from './types.ts';

export type { McpServer } from './server.ts';
export type { ServerSpec, ToolInfo, ToolResult } from './types.ts';

/** What is kept across restarts: the servers that the person added, and which of the gateway's are off. */
export interface StoredServer {
  id: string;
  kind: 'gateway' | 'direct';
  label: string;
  url: string;
  enabled: boolean;
}

export interface ServerStore {
  load(): Promise<StoredServer[]>;
  save(servers: StoredServer[]): Promise<void>;
}

/** A tool as the model gets it. */
export interface CatalogTool {
  /** `[a-zA-Z0-9_-]{1,64}`, unique in its catalog. */
  modelName: string;
  server: McpServer;
  tool: ToolInfo;
  /** The tool's input schema in the form that OpenAI takes. */
  parameters: Record<string, unknown>;
}

/** For one attempt to connect, in milliseconds. */
const CONNECT_TIMEOUT = 20_000;
const UNAVAILABLE = 'gateway';

/**
 * All MCP servers: the gateway's, which a connection brings and takes away, and those that the person added, which get
 * no token, ever. One that cannot connect keeps its place with its reason.
 */
export class McpServers implements Disposable {
  readonly #deps: { store: ServerStore; fetch: Fetch; logger: Logger; clientVersion: string; connectTimeout: number };
  readonly #changed = new Emitter<void>();
  readonly #parameters = new WeakMap<ToolInfo, Record<string, unknown>>();
  #gateway: (ManagedServer | McpServer)[] = [];
  #direct: ManagedServer[] = [];
  #disabledGateway = new Map<string, StoredServer>();
  #loaded: Promise<void> | undefined;
  #catalog: readonly CatalogTool[] | undefined;
  #disposed = false;

  /** Any change of the list or of a server's state. */
  readonly onDidChange: Event<void> = this.#changed.event;

  /** `fetch` is for the direct servers: the editor's own, with its proxy and certificates. */
  constructor(deps: {
    store: ServerStore;
    fetch: Fetch;
    logger: Logger;
    clientVersion: string;
    connectTimeout?: number;
  }) {
    this.#deps = { connectTimeout: CONNECT_TIMEOUT, ...deps };
  }

  /** Loads the stored servers and connects them, all at once; settles when each is ready or has failed. */
  async start(): Promise<void> {
    await this.#load();
    await Promise.all(this.#direct.map(server => server.refresh()));
  }

  /** The gateway's servers first. */
  list(): McpServer[] {
    return [...this.#gateway, ...this.#direct];
  }

  /**
   * Replaces the gateway's servers, at once; `refreshGateway` connects the new ones. `unavailable` leaves one entry that
   * says why there are none.
   */
  setGateway(specs: ServerSpec[] | { unavailable: AgentIdError }, deps?: { fetch: Fetch; token: TokenSource }): void {
    if (this.#disposed) return;
    for (const server of this.#gateway) if (server instanceof ManagedServer) server.dispose();
    if (Array.isArray(specs)) {
      this.#gateway = specs.map(spec => {
        const enabled = !this.#disabledGateway.has(spec.id);
        return new ManagedServer(spec, enabled, this.#serverDeps(deps));
      });
    } else this.#gateway = [unavailable(specs.unavailable)];
    this.#fire();
  }

  /** Connects the gateway's servers anew. Their states say how it went; those that were replaced meanwhile stay off. */
  async refreshGateway(signal?: AbortSignal): Promise<void> {
    const servers = this.#managed('gateway');
    await this.#load(); // which of them the person turned off
    await Promise.all(servers.map(server => server.refresh(signal)));
  }

  /**
   * Adds a server, keeps it and tries to connect; its state says how that went (`probe` tells before). Throws
   * `mcp.urlInvalid`, `mcp.urlNotHttps`, `mcp.urlCredentials`, `mcp.duplicate`, or what the store throws.
   */
  async addDirect(url: string, label = ''): Promise<McpServer> {
    await this.#load();
    const { href, host } = parseServerUrl(url);
    const known = this.#direct.find(server => server.spec.url === href);
    if (known) throw new AgentIdError('mcp.duplicate', { server: known.spec.label });
    const name = quote(label).slice(0, 64).trim() || host;
    const id = this.#freshId(slugOf(name));
    const server = new ManagedServer({ id, label: name, kind: 'direct', url: href }, true, this.#serverDeps());
    this.#direct.push(server);
    try {
      await this.#save();
    } catch (error) {
      this.#direct = this.#direct.filter(other => other !== server);
      throw error;
    }
    await server.refresh();
    return server;
  }

  /** Removes a server that the person added. Throws `mcp.noServer`. */
  async remove(id: string): Promise<void> {
    await this.#load();
    const server = this.#direct.find(candidate => candidate.spec.id === id);
    if (!server) throw new AgentIdError('mcp.noServer');
    this.#direct = this.#direct.filter(other => other !== server);
    server.dispose();
    this.#fire();
    await this.#save();
  }

  /** Turns a server on or off, for good. Throws `mcp.noServer`. */
  async setEnabled(id: string, enabled: boolean): Promise<void> {
    await this.#load();
    const server = this.#managed().find(candidate => candidate.spec.id === id);
    if (!server) throw new AgentIdError('mcp.noServer');
    if (server.spec.kind === 'gateway') {
      const { label, url, kind } = server.spec;
      if (enabled) this.#disabledGateway.delete(id);
      else this.#disabledGateway.set(id, { id, kind, label, url, enabled });
    }
    const done = server.setEnabled(enabled);
    await this.#save();
    await done;
  }

  /** Connects one server anew, or all that are on. Throws `mcp.noServer`. */
  async refresh(id?: string): Promise<void> {
    await this.#load();
    const servers = this.#managed().filter(server => id === undefined || server.spec.id === id);
    if (id !== undefined && servers.length === 0) throw new AgentIdError('mcp.noServer');
    await Promise.all(servers.map(server => server.refresh()));
  }

  /** Tries a URL without keeping anything. Throws what `addDirect` throws for it, and what connecting throws. */
  async probe(url: string, signal: AbortSignal): Promise<{ info: ServerInfo; tools: ToolInfo[] }> {
    const { href, host } = parseServerUrl(url);
    const connection = new McpConnection({ id: 'probe', label: host, kind: 'direct', url: href }, this.#deps);
    try {
      await connection.connect(signal);
      const tools = await connection.listTools(signal);
      return { info: connection.info!, tools };
    } finally {
      await connection.close();
    }
  }

  /** The tools of every server that is on and connected; the same list until something changes. */
  catalog(): readonly CatalogTool[] {
    return (this.#catalog ??= this.#compile());
  }

  dispose(): void {
    this.#disposed = true;
    for (const server of this.#managed()) server.dispose();
    this.#changed.dispose();
  }

  #fire(): void {
    this.#catalog = undefined;
    this.#changed.fire();
  }

  #compile(): CatalogTool[] {
    const entries = this.list().flatMap(server =>
      server.state.kind === 'ready' ? server.state.tools.map(tool => ({ server, tool })) : [],
    );
    const names = modelNames(
      entries.map(({ server: { spec }, tool }) => ({
        serverId: spec.id,
        slug: slugOf(spec.kind === 'direct' ? spec.id.slice('direct:'.length) : spec.id),
        kind: spec.kind,
        tool: tool.name,
      })),
    );
    return entries.map((entry, index) => ({
      modelName: names[index]!,
      ...entry,
      parameters: this.#parametersOf(entry.tool),
    }));
  }

  #parametersOf(tool: ToolInfo): Record<string, unknown> {
    let parameters = this.#parameters.get(tool);
    if (!parameters) this.#parameters.set(tool, (parameters = toParameters(tool.inputSchema)));
    return parameters;
  }

  #managed(kind?: ServerSpec['kind']): ManagedServer[] {
    return this.list().filter(
      server => server instanceof ManagedServer && (!kind || server.spec.kind === kind),
    ) as ManagedServer[];
  }

  #serverDeps(own: { fetch: Fetch; token?: TokenSource } = this.#deps): ServerDeps {
    const { logger, clientVersion, connectTimeout } = this.#deps;
    const { fetch, token } = own;
    return {
      fetch,
      ...(token && { token }),
      logger,
      clientVersion,
      connectTimeout,
      changed: () => this.#fire(),
    };
  }

  /** A readable id that no other server has; the model's names of the server's tools begin with its slug. */
  #freshId(slug: string): string {
    const ids = new Set(this.#direct.map(server => server.spec.id));
    for (let number = 1; ; number++) {
      const id = `direct:${number === 1 ? slug : `${slug}-${number}`}`;
      if (!ids.has(id)) return id;
    }
  }

  /** Loads what is stored, once; a failure is thrown to whoever asks, and the next one tries again. */
  async #load(): Promise<void> {
    this.#loaded ??= this.#read();
    try {
      await this.#loaded;
    } catch (error) {
      this.#loaded = undefined;
      throw error;
    }
  }

  async #read(): Promise<void> {
    const stored = await this.#deps.store.load();
    if (this.#disposed) return;
    for (const entry of stored) {
      const { id, label, url, enabled } = entry;
      if (entry.kind === 'gateway') this.#disabledGateway.set(id, entry);
      else this.#direct.push(new ManagedServer({ id, label, url, kind: 'direct' }, enabled, this.#serverDeps()));
    }
    for (const server of this.#managed('gateway'))
      if (this.#disabledGateway.has(server.spec.id)) void server.setEnabled(false);
    this.#fire();
  }

  async #save(): Promise<void> {
    const direct = this.#direct.map(({ spec: { id, label, url }, enabled }): StoredServer => {
      return { id, kind: 'direct', label, url, enabled };
    });
    await this.#deps.store.save([...direct, ...this.#disabledGateway.values()]);
  }
}

/** The place of the gateway's servers while there can be none. */
function unavailable(error: AgentIdError): McpServer {
  return {
    spec: { id: UNAVAILABLE, label: 'AgentGateway', kind: 'gateway', url: '' },
    state: { kind: 'failed', error },
    enabled: true,
    call: () => Promise.reject(error),
  };
}
