import assert from 'node:assert/strict';
import type http from 'node:http';
import type { TestContext } from 'node:test';
import { startMcpServers, type RunningMcpServers } from '../../src/sandbox/mcp/servers.ts';
import { events, send, type Answer } from './sandbox-gateway.fixture.ts';

export const POST = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
export const INITIALIZE = {
  protocolVersion: '2025-06-18',
  capabilities: { sampling: {}, roots: {}, elicitation: {}, experimental: { kept: {} } },
  clientInfo: { name: 'test', version: '1' },
};

export async function servers(t: TestContext): Promise<RunningMcpServers> {
  const running = await startMcpServers();
  t.after(() => running.close());
  return running;
}

export const route = (targets: { name: string; url: string }[], extra: { policies?: object; mcp?: object } = {}) => ({
  name: 'mcp',
  matches: [{ path: { exact: '/mcp' } }],
  policies: { ...extra.policies },
  backends: [{ mcp: { targets: targets.map(({ name, url }) => ({ name, mcp: { host: url } })), ...extra.mcp } }],
});

/** A client that speaks the bare protocol, so that statuses and headers can be seen. */
export class Client {
  readonly url: string;
  readonly headers: Record<string, string>;
  session: string | undefined;
  #id = 0;

  constructor(origin: string, headers: Record<string, string> = {}) {
    this.url = `${origin}/mcp`;
    this.headers = headers;
  }

  post(body: unknown, headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
    const session = this.session === undefined ? {} : { 'mcp-session-id': this.session };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return send(this.url, {
      method: 'POST',
      headers: { ...POST, ...this.headers, ...session, ...headers },
      body: text,
    });
  }

  request(method: string, params: object = {}): Promise<Answer> {
    return this.post({ jsonrpc: '2.0', id: ++this.#id, method, params });
  }

  async start(): Promise<Record<string, unknown>> {
    const answer = await this.request('initialize', INITIALIZE);
    assert.equal(answer.status, 200, answer.body);
    this.session = String(answer.headers['mcp-session-id']);
    await this.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return result(answer);
  }

  async tools(): Promise<string[]> {
    const { tools } = result(await this.request('tools/list')) as { tools: { name: string }[] };
    return tools.map(tool => tool.name);
  }

  call(name: string, args: object = {}): Promise<Answer> {
    return this.request('tools/call', { name, arguments: args });
  }
}

export function result(answer: Answer): Record<string, unknown> {
  const last = events(answer.body).at(-1);
  assert.ok(last?.result, answer.body);
  return last.result as Record<string, unknown>;
}

export const rpcError = (answer: Answer) => (JSON.parse(answer.body) as { error: unknown }).error;
export const decode = (session: string | undefined) =>
  JSON.parse(Buffer.from(session ?? '', 'base64url').toString()) as {
    t: string;
    s: { t: string; s?: string }[];
    r?: string;
  };

export const both = (running: RunningMcpServers) => [
  { name: 'microsoft', url: running.microsoft.url },
  { name: 'exa-ai', url: running.exa.url },
];
