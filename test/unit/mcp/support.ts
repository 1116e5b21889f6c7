import assert from 'node:assert/strict';
import { afterEach } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { McpConnection } from '../../../src/mcp/connection.ts';
import { answer } from '../gateway/server.ts';
import { fakeMcp, type RpcHandler } from './fakeServer.ts';

export const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export const live = () => AbortSignal.timeout(20_000);
type Fake = Awaited<ReturnType<typeof fakeMcp>>;

/** A fake server, and a connection of the gateway's kind (with tokens) or of the direct kind to it. */
export async function connection(
  kind: 'gateway' | 'direct',
  ...args: Parameters<typeof fakeMcp>
): Promise<{ fake: Fake; mcp: McpConnection; tokens: boolean[] }> {
  const fake = await fakeMcp(...args);
  closers.push(fake.close);
  const tokens: boolean[] = [];
  const mcp = new McpConnection(
    { id: 'x', label: 'Server', kind, url: fake.url },
    {
      fetch,
      token: async ({ forceRefresh = false }) => {
        tokens.push(forceRefresh);
        return forceRefresh ? 'forced-token' : `token-${tokens.length}`;
      },
      logger: silentLogger,
      clientVersion: '0.1.0',
    },
  );
  closers.push(() => mcp.close());
  return { fake, mcp, tokens };
}

export async function failure(work: Promise<unknown>): Promise<AgentIdError> {
  try {
    await work;
  } catch (error) {
    assert.ok(AgentIdError.is(error), String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'should have failed' });
}

/** The error of a call that the server answers with the handler. */
export async function callFailure(kind: 'gateway' | 'direct', handler: RpcHandler): Promise<AgentIdError> {
  const { mcp } = await connection(kind, { 'tools/call': handler });
  await mcp.connect(live());
  return failure(mcp.callTool('echo', {}, { signal: live() }));
}

/** The error of a connection whose first request is answered so. */
export async function connectFailure(kind: 'gateway' | 'direct', status: number, type: string, body: string) {
  const { mcp } = await connection(kind, {
    initialize: (_rpc, _request, response) => answer(response, status, type, body),
  });
  return failure(mcp.connect(live()));
}

export async function eventually(check: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000; // some tests move the date
  while (!check()) {
    if (performance.now() > deadline) throw new assert.AssertionError({ message: `never happened: ${what}` });
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
