import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { McpServers, type StoredServer } from '../../../src/mcp/registry.ts';
import { answer, startServer } from '../gateway/server.ts';
import { fakeMcp, json, sse, tool } from './fakeServer.ts';
import { closers, eventually, failure, live } from './support.ts';

function registry(stored: StoredServer[] = [], connectTimeout = 5_000) {
  const saved: StoredServer[][] = [];
  const servers = new McpServers({
    store: {
      load: async () => structuredClone(stored),
      save: async entries => void saved.push(structuredClone(entries)),
    },
    fetch,
    logger: silentLogger,
    clientVersion: '0.1.0',
    connectTimeout,
  });
  closers.push(async () => servers.dispose());
  return { servers, saved };
}

async function fake(...args: Parameters<typeof fakeMcp>) {
  const server = await fakeMcp(...args);
  closers.push(server.close);
  return server;
}

const stored = (id: string, url: string, enabled = true): StoredServer => ({
  id,
  kind: 'direct',
  label: id,
  url,
  enabled,
});
const kinds = (servers: McpServers) => servers.list().map(({ spec, state }) => [spec.id, state.kind]);

describe('the servers', () => {
  it('are connected at start, all at once; a dead, a slow and a disabled one hold up nobody', async () => {
    const good = await fake();
    const slow = await startServer(() => {});
    closers.push(slow.close);
    const page = await startServer((_request, response) => answer(response, 200, 'text/html', '<p>hi'));
    closers.push(page.close);
    const gone = await fakeMcp();
    await gone.close();
    const { servers } = registry(
      [
        stored('direct:slow', slow.origin),
        stored('direct:gone', gone.url),
        stored('direct:good', good.url),
        stored('direct:page', page.origin),
        stored('direct:off', good.url, false),
      ],
      2_000,
    );
    const started = Date.now();
    await servers.start();
    assert.ok(Date.now() - started < 8_000);
    assert.deepEqual(
      servers.list().map(({ spec, state }) => [spec.id, state.kind === 'failed' ? state.error.code : state.kind]),
      [
        ['direct:slow', 'mcp.timeout'],
        ['direct:gone', 'mcp.unreachable'],
        ['direct:good', 'ready'],
        ['direct:page', 'mcp.notMcp'],
        ['direct:off', 'disabled'],
      ],
    );
    assert.deepEqual(
      servers.catalog().map(({ modelName }) => modelName),
      ['good__echo'],
    );
  });

  it('can be probed, added, turned off and on, and removed; every step is kept', async () => {
    const server = await fake();
    const { servers, saved } = registry();
    let changes = 0;
    servers.onDidChange(() => changes++);
    const { info, tools } = await servers.probe(server.url, live());
    assert.equal(info.name, 'fake');
    assert.equal(tools.length, 1);
    assert.equal(saved.length, 0);

    const added = await servers.addDirect(` ${server.url}#part `, 'My Notes');
    assert.deepEqual(added.spec, { id: 'direct:my-notes', label: 'My Notes', kind: 'direct', url: server.url });
    assert.equal(added.state.kind, 'ready');
    assert.deepEqual(saved.at(-1), [{ ...stored('direct:my-notes', server.url), label: 'My Notes' }]);
    assert.equal((await failure(servers.addDirect(server.url))).code, 'mcp.duplicate');
    assert.equal((await added.call('echo', { a: 1 }, { signal: live() })).text, '{"a":1}');

    await servers.setEnabled('direct:my-notes', false);
    assert.deepEqual(kinds(servers), [['direct:my-notes', 'disabled']]);
    assert.equal(saved.at(-1)![0]!.enabled, false);
    assert.deepEqual(servers.catalog(), []);
    assert.equal((await failure(added.call('echo', {}, { signal: live() }))).code, 'mcp.notConnected');
    await servers.setEnabled('direct:my-notes', true);
    await servers.refresh('direct:my-notes');
    assert.deepEqual(kinds(servers), [['direct:my-notes', 'ready']]);

    await servers.remove('direct:my-notes');
    assert.deepEqual(servers.list(), []);
    assert.deepEqual(saved.at(-1), []);
    assert.equal((await failure(servers.remove('direct:my-notes'))).code, 'mcp.noServer');
    assert.ok(changes > 5);
  });

  it('that cannot connect are kept with their reason, and come back with a refresh', async () => {
    let up = false;
    const server = await fake({}, (_request, response) => {
      if (!up) json(response, 503, {});
      return !up;
    });
    const { servers } = registry();
    const added = await servers.addDirect(server.url);
    assert.equal(added.state.kind === 'failed' && added.state.error.code, 'mcp.httpFailed');
    up = true;
    await servers.refresh();
    assert.equal(added.state.kind, 'ready');
  });

  it('have addresses that a person may type', async () => {
    const { servers } = registry();
    const table: [string, string][] = [
      ['nonsense', 'mcp.urlInvalid'],
      ['file:///etc/passwd', 'mcp.urlInvalid'],
      ['javascript:alert(1)', 'mcp.urlInvalid'],
      ['https://user:secret@example.com/mcp', 'mcp.urlCredentials'],
      ['http://example.com/mcp', 'mcp.urlNotHttps'],
      ['http://127.0.0.1.example.com/mcp', 'mcp.urlNotHttps'],
      ['http://10.0.0.1/mcp', 'mcp.urlNotHttps'],
    ];
    for (const [url, code] of table) {
      assert.equal((await failure(servers.addDirect(url))).code, code, url);
      const error = await failure(servers.probe(url, live()));
      assert.equal(error.code, code);
      assert.doesNotMatch(error.message, /secret/);
    }
    assert.deepEqual(servers.list(), []);
  });

  it('get different ids and names for the same label', async () => {
    const [one, two] = [await fake(), await fake()];
    const { servers } = registry();
    await servers.addDirect(one.url, 'Notes');
    await servers.addDirect(two.url, 'notes!');
    assert.deepEqual(kinds(servers), [
      ['direct:notes', 'ready'],
      ['direct:notes-2', 'ready'],
    ]);
    assert.deepEqual(
      servers.catalog().map(({ modelName }) => modelName),
      ['notes__echo', 'notes-2__echo'],
    );
  });

  it('are not added when they cannot be kept', async () => {
    const server = await fake();
    const servers = new McpServers({
      store: { load: async () => [], save: async () => Promise.reject(new Error('disk full')) },
      fetch,
      logger: silentLogger,
      clientVersion: '0',
    });
    await assert.rejects(servers.addDirect(server.url), /disk full/);
    assert.deepEqual(servers.list(), []);
    servers.dispose();
  });

  it('can be loaded later when the store fails at first', async () => {
    let works = false;
    const servers = new McpServers({
      store: {
        load: async () =>
          works ? [stored('direct:a', 'https://example.test/mcp', false)] : Promise.reject(new Error('no')),
        save: async () => {},
      },
      fetch,
      logger: silentLogger,
      clientVersion: '0',
    });
    await assert.rejects(servers.start(), /no/);
    works = true;
    await servers.start();
    assert.deepEqual(kinds(servers), [['direct:a', 'disabled']]);
    servers.dispose();
  });

  it('that change their tools are listed again', async () => {
    let tools = [tool('first')];
    const server = await fake({
      'tools/list': (rpc, _request, response) => sse(response, { id: rpc.id, result: { tools } }),
    });
    const { servers } = registry();
    await servers.addDirect(server.url, 'n');
    await eventually(() => server.listeners.size === 1, 'the stream to listen on');
    tools = [tool('first'), tool('second', { inputSchema: { anyOf: [{ properties: { a: {} } }] } })];
    server.notify({ method: 'notifications/tools/list_changed' });
    await eventually(() => servers.catalog().length === 2, 'the new list');
    const second = servers.catalog()[1]!;
    assert.equal(second.modelName, 'n__second');
    assert.deepEqual(second.parameters, { type: 'object', properties: { a: {} } });
    assert.equal(second.tool.inputSchema['type'], undefined, 'the tool keeps what the server said');
  });
});

describe('the gateway’s servers', () => {
  const spec = (url: string, id = 'gateway:/mcp') => ({ id, label: 'AgentGateway', kind: 'gateway' as const, url });

  it('come with a connection, with its token, before the others, and go with it', async () => {
    const [mine, added] = [await fake(), await fake()];
    const { servers } = registry([stored('direct:notes', added.url)]);
    await servers.start();
    servers.setGateway([spec(mine.url)], { fetch, token: async () => 'agent-token' });
    await servers.refreshGateway(live());
    assert.deepEqual(kinds(servers), [
      ['gateway:/mcp', 'ready'],
      ['direct:notes', 'ready'],
    ]);
    assert.deepEqual(
      servers.catalog().map(({ modelName }) => modelName),
      ['echo', 'notes__echo'],
    );
    for (const { server } of servers.catalog()) await server.call('echo', {}, { signal: live() });
    assert.ok(mine.requests.every(({ headers }) => headers.authorization === 'Bearer agent-token'));
    assert.ok(added.requests.every(({ headers }) => headers.authorization === undefined));
    servers.setGateway([]);
    assert.deepEqual(kinds(servers), [['direct:notes', 'ready']]);
    await eventually(() => mine.requests.some(({ method }) => method === 'DELETE'), 'the goodbye');
  });

  it('stay off when the person turned them off', async () => {
    const mine = await fake();
    const { servers, saved } = registry();
    const deps = { fetch, token: async () => 't' };
    servers.setGateway([spec(mine.url)], deps);
    await servers.setEnabled('gateway:/mcp', false);
    assert.equal(saved.at(-1)![0]!.id, 'gateway:/mcp');
    servers.setGateway([spec(mine.url), spec(mine.url, 'gateway:/two')], deps);
    await servers.refreshGateway(live());
    assert.deepEqual(kinds(servers), [
      ['gateway:/mcp', 'disabled'],
      ['gateway:/two', 'ready'],
    ]);

    const later = registry(saved.at(-1));
    later.servers.setGateway([spec(mine.url)], deps);
    await later.servers.refreshGateway(live());
    assert.deepEqual(kinds(later.servers), [['gateway:/mcp', 'disabled']]);
    await later.servers.setEnabled('gateway:/mcp', true);
    assert.deepEqual(later.saved.at(-1), []);
    assert.deepEqual(kinds(later.servers), [['gateway:/mcp', 'ready']]);
  });

  it('say why there are none', async () => {
    const { servers } = registry();
    const reason = new AgentIdError('agent.gatewayNeedsSignIn');
    servers.setGateway({ unavailable: reason });
    const [server] = servers.list();
    assert.deepEqual(server!.state, { kind: 'failed', error: reason });
    assert.equal(await failure(server!.call('echo', {}, { signal: live() })), reason);
    await servers.refresh();
    assert.deepEqual(servers.catalog(), []);
  });

  it('are at once what was set last, however slow or broken the store is', async () => {
    const mine = await fake();
    let release: (stored: StoredServer[]) => void = () => {};
    const servers = new McpServers({
      store: { load: () => new Promise(resolve => (release = resolve)), save: async () => {} },
      fetch,
      logger: silentLogger,
      clientVersion: '0',
    });
    closers.push(async () => servers.dispose());
    const deps = { fetch, token: async () => 't' };
    servers.setGateway([spec(mine.url, 'gateway:/old')], deps);
    const old = servers.refreshGateway(live());
    servers.setGateway([]);
    assert.deepEqual(servers.list(), []);
    servers.setGateway([spec(mine.url, 'gateway:/off'), spec(mine.url, 'gateway:/on')], deps);
    release([{ ...stored('gateway:/off', mine.url, false), kind: 'gateway' }]);
    await old;
    assert.deepEqual(kinds(servers), [
      ['gateway:/off', 'disabled'],
      ['gateway:/on', 'connecting'],
    ]);
    assert.equal(mine.requests.length, 0, 'a refresh of the old servers connects neither them nor the new ones');
    await servers.refreshGateway(live());
    assert.deepEqual(kinds(servers), [
      ['gateway:/off', 'disabled'],
      ['gateway:/on', 'ready'],
    ]);
    const broken = new McpServers({
      store: { load: () => Promise.reject(new Error('no store')), save: async () => {} },
      fetch,
      logger: silentLogger,
      clientVersion: '0',
    });
    broken.setGateway([]);
    broken.dispose();
  });

  it('are not connected, rather than slow, when the person cancels', async () => {
    const silent = await startServer(() => {});
    closers.push(silent.close);
    for (const reason of [undefined, new AgentIdError('cancelled')]) {
      const { servers } = registry();
      servers.setGateway([spec(silent.origin)], { fetch, token: async () => 't' });
      const abort = new AbortController();
      const done = servers.refreshGateway(abort.signal);
      setTimeout(() => abort.abort(reason), 30);
      await done;
      const { state } = servers.list()[0]!;
      assert.equal(state.kind === 'failed' && state.error.code, 'mcp.notConnected');
    }
  });
});

describe('the catalog', () => {
  it('is made once for each change, since every call of a turn looks into it', async () => {
    const many = Array.from({ length: 2_000 }, (_, number) => tool(`tool_${number}`));
    const server = await fake({
      'tools/list': (rpc, _request, response) => sse(response, { id: rpc.id, result: { tools: many } }),
    });
    const { servers } = registry();
    await servers.addDirect(server.url, 'n');
    const first = servers.catalog();
    assert.equal(first.length, 2_000);
    assert.equal(servers.catalog(), first);
    await servers.setEnabled('direct:n', false);
    assert.deepEqual(servers.catalog(), []);
    await servers.setEnabled('direct:n', true);
    assert.equal(servers.catalog().length, 2_000);
  });
});
