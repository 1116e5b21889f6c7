import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { McpServers, type StoredServer } from '../../src/mcp/registry.ts';
import { groupByTarget } from '../../src/mcp/names.ts';
import { agentTokens, type AgentTokens } from './support/agentTokens.ts';
import { startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let tokens: AgentTokens;
const open: McpServers[] = [];

before(async () => {
  sandbox = await startSandbox();
  tokens = await agentTokens(sandbox);
});
afterEach(() => {
  for (const servers of open.splice(0)) servers.dispose();
});
after(() => sandbox.stop());

const live = () => AbortSignal.timeout(30_000);

function registry(stored: StoredServer[] = []) {
  const servers = new McpServers({
    store: { load: async () => stored, save: async () => {} },
    fetch,
    logger: silentLogger,
    clientVersion: '0.0.0',
  });
  open.push(servers);
  return servers;
}

/** The gateway's one server, with the token of the sandbox's agent of that index. */
async function gateway(agent = 0, asked: boolean[] = []) {
  const servers = registry();
  const spec = {
    id: 'gateway:/mcp',
    label: 'AgentGateway',
    kind: 'gateway' as const,
    url: `${sandbox.json.direct.gateway}/mcp`,
    targets: ['microsoft', 'exa-ai'],
  };
  servers.setGateway([spec], {
    fetch,
    token: ({ forceRefresh = false }) => {
      asked.push(forceRefresh);
      return tokens.get('mcp', agent, forceRefresh);
    },
  });
  await servers.refreshGateway(live());
  return { servers, server: servers.list()[0]! };
}

async function failure(work: Promise<unknown>): Promise<AgentIdError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(AgentIdError.is(error), String(error));
  return error;
}

async function eventually(check: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!check()) {
    if (Date.now() > deadline) throw new assert.AssertionError({ message: `never happened: ${what}` });
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

describe('the gateway’s MCP server', () => {
  it('lists the tools of both targets, without the denied one, and calls them', async () => {
    const { servers, server } = await gateway();
    assert.ok(server.state.kind === 'ready', JSON.stringify(server.state));
    assert.equal(server.state.info.name, 'agentgateway');
    const groups = groupByTarget(server.state.tools, server.spec.targets ?? []);
    assert.deepEqual(
      groups.map(({ target }) => target),
      ['microsoft', 'exa-ai'],
    );
    assert.ok(groups.every(({ tools }) => tools.length > 0));
    assert.ok(!server.state.tools.some(({ name }) => name.includes('crawling')));
    for (const { modelName, tool } of servers.catalog()) assert.equal(modelName, tool.name);

    const found = await server.call('microsoft_microsoft_docs_search', { query: 'on-behalf-of' }, { signal: live() });
    assert.equal(found.isError, false);
    assert.match(found.text, /on-behalf-of/i);
    const error = await failure(server.call('exa-ai_crawling_exa', { url: 'https://example.com' }, { signal: live() }));
    assert.equal(error.code, 'mcp.unknownTool');
    assert.equal(error.args['tool'], 'exa-ai_crawling_exa');
  });

  it('shows a refused agent an empty list', async () => {
    const { server } = await gateway(1);
    assert.ok(server.state.kind === 'ready');
    assert.deepEqual(server.state.tools, []);
  });

  it('goes on in the same session when the token has expired in the middle', async () => {
    const asked: boolean[] = [];
    const { server } = await gateway(0, asked);
    const call = () => server.call('exa-ai_web_search_exa', { query: 'agent identity' }, { signal: live() });
    await call();
    assert.ok(!asked.includes(true));
    await sandbox.control('/clock', { offsetSeconds: 4 * 3600 });
    try {
      await tokens.signInAgain();
      assert.equal((await call()).isError, false);
      assert.ok(asked.includes(true));
    } finally {
      await sandbox.control('/clock', { offsetSeconds: 0 });
      tokens.clear();
      await tokens.signInAgain();
    }
  });

  it('follows tools that come and go, and sessions that a target forgets', async () => {
    const { servers, server } = await gateway();
    const has = () => servers.catalog().some(({ tool }) => tool.name === 'microsoft_extra_tool');
    await sandbox.control('/mcp', { server: 'microsoft', extraTool: true });
    try {
      await eventually(has, 'the new tool');
      await sandbox.control('/mcp', { server: 'microsoft', dropSessions: true });
      const result = await server.call('microsoft_extra_tool', {}, { signal: live() });
      assert.match(result.text, /added while you were connected/);
    } finally {
      await sandbox.control('/mcp', { server: 'microsoft', extraTool: false });
    }
    await servers.refresh();
    assert.ok(!has());
  });

  it('with a target down still has the other one’s tools, and says what is wrong with a call', async () => {
    const { server } = await gateway();
    await sandbox.control('/mcp', { server: 'exa-ai', down: true });
    try {
      const error = await failure(server.call('exa-ai_web_search_exa', { query: 'x' }, { signal: live() }));
      assert.equal(error.code, 'mcp.upstreamFailed', error.message);
      const { server: later } = await gateway();
      assert.ok(later.state.kind === 'ready', JSON.stringify(later.state));
      assert.ok(later.state.tools.every(({ name }) => name.startsWith('microsoft_')));
    } finally {
      await sandbox.control('/mcp', { server: 'exa-ai', down: false });
    }
  });

  it('with the token for the model says so', async () => {
    const servers = registry();
    const url = `${sandbox.json.direct.gateway}/mcp`;
    servers.setGateway([{ id: 'gateway:/mcp', label: 'AgentGateway', kind: 'gateway', url }], {
      fetch,
      token: () => tokens.get('openai', 0, false),
    });
    await servers.refreshGateway(live());
    const { state } = servers.list()[0]!;
    assert.equal(state.kind === 'failed' && state.error.code, 'gateway.audienceRejected');
  });
});

describe('servers that a person adds', () => {
  it('are probed, added and used without a token ever reaching them', async () => {
    const servers = registry();
    for (const { name, url } of sandbox.json.direct.mcp) {
      const { info, tools } = await servers.probe(url, live());
      assert.ok(info.name && info.version && info.protocolVersion);
      assert.ok(tools.length > 0);
      const added = await servers.addDirect(url, name);
      assert.equal(added.state.kind, 'ready');
    }
    const names = servers.catalog().map(({ modelName }) => modelName);
    assert.equal(new Set(names).size, names.length);
    const echo = servers.catalog().find(({ server }) => server.spec.label === 'toolbox');
    assert.ok(echo);
    await echo.server.call(echo.tool.name, {}, { signal: live() });
    const panel = (await sandbox.control('/mcp')) as Record<string, { requests: number; authorized: number }>;
    assert.ok(panel['toolbox']!.requests > 0);
    assert.equal(panel['toolbox']!.authorized, 0);
  });

  it('may turn out to be no MCP server at all', async () => {
    const servers = registry();
    for (const url of [sandbox.json.login.url, sandbox.json.direct.llm, sandbox.json.direct.gateway]) {
      const error = await failure(servers.probe(url, live()));
      assert.ok(['mcp.notMcp', 'mcp.signInNeeded'].includes(error.code), `${url}: ${error.message}`);
    }
  });
});
