import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TARGETS } from './matrix.ts';

interface Rpc {
  id?: number;
  method?: string;
  params?: { protocolVersion?: string };
}

/** What stands behind the gateway: a model that says one word, and an MCP server without sessions for each target. */
export async function startUpstream(port: number): Promise<{ origin: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void readJson(request).then(body => {
      const target = (request.url ?? '').slice(1);
      const tools = TARGETS[target];
      const reply = tools ? answer(body, target, tools) : completion(body);
      if (reply === undefined) return response.writeHead(request.method === 'POST' ? 202 : 405).end();
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, '127.0.0.1', resolve);
  await promise;
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise(done => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function answer({ id, method, params }: Rpc, name: string, tools: readonly string[]): object | undefined {
  if (id === undefined) return undefined;
  const results: Record<string, object> = {
    initialize: {
      protocolVersion: params?.protocolVersion ?? '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name, version: '1.0.0' },
    },
    'tools/list': { tools: tools.map(tool => ({ name: tool, inputSchema: { type: 'object' } })) },
    'tools/call': { content: [{ type: 'text', text: name }] },
  };
  const result = results[method ?? ''];
  return { jsonrpc: '2.0', id, ...(result ? { result } : { error: { code: -32601, message: 'Method not found' } }) };
}

const completion = (body: object): object => ({
  ...{ id: 'c', object: 'chat.completion', created: 0, model: (body as { model?: string }).model ?? '' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

async function readJson(request: IncomingMessage): Promise<object> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return text === '' ? {} : (JSON.parse(text) as object);
}
