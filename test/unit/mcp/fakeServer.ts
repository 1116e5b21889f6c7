import type { ServerResponse } from 'node:http';
import { answer, startServer, type Received } from '../gateway/server.ts';

export interface Rpc {
  id?: number | string;
  method: string;
  params: Record<string, unknown>;
}

export type RpcHandler = (rpc: Rpc, request: Received, response: ServerResponse) => void | Promise<void>;

/** One JSON-RPC message as AgentGateway answers: an event stream, `event: message`, no id. */
export function sse(response: ServerResponse, message: object, headers = {}): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', ...headers });
  response.end(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
}

export const json = (response: ServerResponse, status: number, body: unknown) =>
  answer(response, status, 'application/json', JSON.stringify(body));
export const plain = (response: ServerResponse, status: number, body: string) =>
  answer(response, status, 'text/plain', body);

export const tool = (name: string, more = {}) => ({
  name,
  description: name,
  inputSchema: { type: 'object' },
  ...more,
});

/**
 * A small MCP server with AgentGateway's habits. `handlers` replace what it does with a method; `GET` and `DELETE` are
 * methods here too, and `before` sees everything first and may answer it.
 */
export async function fakeMcp(
  handlers: Record<string, RpcHandler> = {},
  before?: (request: Received, response: ServerResponse) => boolean,
) {
  let sessions = 0;
  const listeners = new Set<ServerResponse>();
  const defaults: Record<string, RpcHandler> = {
    initialize: (rpc, _request, response) => {
      const result = {
        protocolVersion: rpc.params['protocolVersion'],
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'fake', version: '1.2.3' },
      };
      sse(response, { id: rpc.id, result }, { 'mcp-session-id': `S${++sessions}` });
    },
    'tools/list': (rpc, _request, response) => sse(response, { id: rpc.id, result: { tools: [tool('echo')] } }),
    'tools/call': (rpc, _request, response) => {
      const text = JSON.stringify(rpc.params['arguments']);
      sse(response, { id: rpc.id, result: { content: [{ type: 'text', text }] } });
    },
    GET: (_rpc, _request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      listeners.add(response);
      response.on('close', () => listeners.delete(response));
    },
    DELETE: (_rpc, _request, response) => void response.writeHead(202).end(),
  };
  const server = await startServer((request, response) => {
    if (before?.(request, response)) return;
    const body = request.body ? (JSON.parse(request.body) as Partial<Rpc>) : {};
    const rpc: Rpc = { ...body, method: body.method ?? request.method, params: body.params ?? {} };
    const handler = handlers[rpc.method] ?? defaults[rpc.method];
    if (handler) return handler(rpc, request, response);
    response.writeHead(202).end();
  });
  return {
    url: `${server.origin}/mcp`,
    requests: server.requests,
    /** Methods of the JSON-RPC messages that came, in order. */
    methods: () => server.requests.flatMap(({ body }) => (body ? [(JSON.parse(body) as Rpc).method] : [])),
    /** Sends a message on every stream that listens. */
    notify: (message: object) => {
      for (const listener of listeners)
        listener.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
    },
    hangUp: () => listeners.forEach(listener => listener.destroy()),
    listeners,
    close: server.close,
  };
}
