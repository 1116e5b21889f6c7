import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport, type EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { randomUUID } from 'node:crypto';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { AgentIdError, isCancellation } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { McpConnection } from '../../src/mcp/connection.ts';

/* Our client against a server that others wrote: the official SDK's, in the ways in which it can be set up. */

interface Setup {
  stateless?: boolean;
  json?: boolean;
  events?: EventStore;
}

async function startSdkServer(t: TestContext, setup: Setup = {}) {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const servers: McpServer[] = [];
  const aborted: boolean[] = [];
  const build = () => {
    const server = new McpServer({ name: 'sdk', version: '9' });
    servers.push(server);
    server.registerTool('greet', { title: 'Greet', annotations: { readOnlyHint: true } }, () => ({
      content: [{ type: 'text', text: 'hello' }],
    }));
    server.registerTool('fails', {}, () => {
      throw new Error('out of paper');
    });
    server.registerTool('waits', {}, async ({ signal }) => {
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()));
      aborted.push(true);
      return { content: [] };
    });
    server.registerTool('hangsUp', {}, async extra => {
      extra.closeSSEStream?.();
      await new Promise(resolve => setTimeout(resolve, 200));
      return { content: [{ type: 'text', text: 'after the break' }] };
    });
    return server;
  };
  const http = createServer((request, response) => {
    void (async () => {
      const id = request.headers['mcp-session-id'];
      let transport = typeof id === 'string' ? transports.get(id) : undefined;
      if (id !== undefined && !transport) {
        response.writeHead(404, { 'content-type': 'application/json' });
        response.end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}');
        return;
      }
      if (!transport) {
        const own = new StreamableHTTPServerTransport({
          sessionIdGenerator: setup.stateless ? undefined : () => randomUUID(),
          onsessioninitialized: session => void transports.set(session, own),
          ...(setup.json && { enableJsonResponse: true }),
          ...(setup.events && { eventStore: setup.events, retryInterval: 50 }),
        });
        transport = own;
        await build().connect(own);
      }
      await transport.handleRequest(request, response);
    })();
  });
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  const connection = new McpConnection(
    { id: 'sdk', label: 'SDK', kind: 'direct', url },
    { fetch, logger: silentLogger, clientVersion: '0.0.0' },
  );
  t.after(async () => {
    await connection.close();
    for (const server of servers) await server.close();
    http.closeAllConnections();
    await new Promise(resolve => http.close(resolve));
  });
  return { connection, servers, transports, aborted };
}

const live = () => AbortSignal.timeout(20_000);

function memoryEvents(): EventStore {
  const events: { id: string; stream: string; message: JSONRPCMessage }[] = [];
  return {
    storeEvent: async (stream, message) => {
      const id = String(events.length);
      events.push({ id, stream, message });
      return id;
    },
    replayEventsAfter: async (last, { send }) => {
      const { stream } = events[Number(last)]!;
      for (const event of events.slice(Number(last) + 1))
        if (event.stream === stream && Object.keys(event.message).length > 0) await send(event.id, event.message);
      return stream;
    },
  };
}

for (const setup of [{}, { stateless: true }, { json: true }, { stateless: true, json: true }])
  test(`lists and calls: ${JSON.stringify(setup)}`, async t => {
    const { connection } = await startSdkServer(t, setup);
    await connection.connect(live());
    assert.deepEqual(connection.info, { name: 'sdk', version: '9', protocolVersion: '2025-11-25' });
    const [greet] = await connection.listTools(live());
    assert.deepEqual([greet?.name, greet?.title, greet?.annotations], ['greet', 'Greet', { readOnlyHint: true }]);
    assert.equal((await connection.callTool('greet', {}, { signal: live() })).text, 'hello');
    const failed = await connection.callTool('fails', {}, { signal: live() });
    assert.deepEqual([failed.isError, failed.text], [true, 'out of paper']);
  });

test('a cancel reaches the tool', async t => {
  const { connection, aborted } = await startSdkServer(t);
  await connection.connect(live());
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 100);
  await assert.rejects(connection.callTool('waits', {}, { signal: abort.signal }), isCancellation);
  for (let i = 0; i < 100 && aborted.length === 0; i++) await new Promise(resolve => setTimeout(resolve, 20));
  assert.deepEqual(aborted, [true]);
});

test('a forgotten session is begun again', async t => {
  const { connection, transports } = await startSdkServer(t);
  await connection.connect(live());
  transports.clear();
  assert.equal((await connection.callTool('greet', {}, { signal: live() })).text, 'hello');
  assert.equal(transports.size, 1);
});

test('an added tool is announced', async t => {
  const { connection, servers } = await startSdkServer(t);
  await connection.connect(live());
  const changed = new Promise<void>(resolve => connection.onToolsChanged(() => resolve()));
  await connection.listTools(live());
  // The server says so on the stream that we listen on, which opens after the handshake.
  for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve));
  const again = setInterval(() => servers[0]!.sendToolListChanged(), 100);
  t.after(() => clearInterval(again));
  await changed;
});

test('a stream that the server ends in the middle is taken up by its event id', async t => {
  const { connection } = await startSdkServer(t, { events: memoryEvents() });
  await connection.connect(live());
  assert.equal((await connection.callTool('hangsUp', {}, { signal: live() })).text, 'after the break');
});

test('a tool that does not exist is named', async t => {
  const { connection } = await startSdkServer(t);
  await connection.connect(live());
  const outcome = await connection.callTool('nothing', {}, { signal: live() }).then(
    result => (result.isError ? result.text : 'worked'),
    (error: unknown) => (AgentIdError.is(error) ? error.code : String(error)),
  );
  assert.match(outcome, /mcp\.unknownTool|not found/);
});
