import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  SetLevelRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Tool } from './tools.ts';

export interface McpHostOptions {
  name: string;
  title: string;
  /** Path of the endpoint, e.g. `/mcp`. */
  path: string;
  instructions: string;
  tools: readonly Tool[];
}

/** One MCP server over streamable HTTP on loopback, on the SDK's own server. */
export class McpHost {
  /** While true every request is answered 503, as by a load balancer without backends. */
  down = false;
  /** Requests so far that carried an `Authorization` header. */
  authorized = 0;
  requests = 0;
  readonly #options: McpHostOptions;
  readonly #extra: Tool[] = [];
  readonly #sessions = new Map<string, { server: Server; transport: StreamableHTTPServerTransport }>();
  readonly #http = createServer((request, response) => void this.#handle(request, response));

  private constructor(options: McpHostOptions) {
    this.#options = options;
  }

  static async start(options: McpHostOptions): Promise<McpHost> {
    const host = new McpHost(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    host.#http.once('error', reject).listen(0, '127.0.0.1', resolve);
    await promise;
    return host;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}${this.#options.path}`;
  }

  /** Replaces the tools beyond the built-in ones and tells every session that the list has changed. */
  async setExtraTools(tools: readonly Tool[]): Promise<void> {
    this.#extra.splice(0, this.#extra.length, ...tools);
    await Promise.all([...this.#sessions.values()].map(({ server }) => server.sendToolListChanged()));
  }

  /** Forgets every session, as a restarted server would: their ids are answered 404. */
  async dropSessions(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(sessions.map(({ server }) => server.close()));
  }

  async close(): Promise<void> {
    await this.dropSessions();
    await new Promise<void>(resolve => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    if (request.headers.authorization !== undefined) this.authorized++;
    if (this.down) return void response.writeHead(503, { 'content-type': 'text/plain' }).end('no healthy upstream');
    if (new URL(request.url ?? '/', 'http://host').pathname !== this.#options.path)
      return void response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? this.#sessions.get(id) : undefined;
    if (id !== undefined && !known) {
      const body = { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } };
      return void response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    }
    // Without a session the transport itself refuses whatever is not an initialize.
    await (known?.transport ?? (await this.#newSession())).handleRequest(request, response);
  }

  async #newSession(): Promise<StreamableHTTPServerTransport> {
    const { name, title, instructions } = this.#options;
    const server = new Server(
      { name, title, version: '1.0.0' },
      { capabilities: { tools: { listChanged: true }, logging: {} }, instructions },
    );
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => void this.#sessions.set(id, { server, transport }),
      onsessionclosed: id => void this.#sessions.delete(id),
    });
    server.setRequestHandler(SetLevelRequestSchema, () => ({}));
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: this.#tools().map(({ run: _run, ...listed }) => listed),
    }));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
      const tool = this.#tools().find(candidate => candidate.name === params.name);
      if (!tool) throw new McpError(ErrorCode.InvalidParams, `Tool ${params.name} not found`);
      const token = params._meta?.progressToken;
      return tool.run(params.arguments ?? {}, {
        signal: extra.signal,
        progress: async (progress, total, message) => {
          if (token === undefined) return;
          const update = { progressToken: token, progress, total, message };
          await extra.sendNotification({ method: 'notifications/progress', params: update });
        },
      });
    });
    await server.connect(transport);
    return transport;
  }

  #tools(): readonly Tool[] {
    return [...this.#options.tools, ...this.#extra];
  }
}
