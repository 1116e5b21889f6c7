// What is wrong behind the tokens: the gateway's routes, the model, MCP servers that are none, and a key in place of it all.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { createKeyModel } from '../../src/gateway/keyModel.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { McpServer } from '../../src/mcp/registry.ts';
import { ALL_DONE, answers, said, standIn, steps, thrown, works, world, type Core } from './wrong-input.fixture.ts';

const w = world();
const soon = () => AbortSignal.timeout(30_000);

/** The gateway's file with something replaced in one of its routes. */
const inRoute = (route: 'llm' | 'mcp', from: string | RegExp, to: string) => (file: string) => {
  const [head = '', llm = '', mcp = ''] = file.split(/^(?= *- name: (?:llm|mcp)$)/m);
  const edited = (route === 'llm' ? llm : mcp).replace(from, to);
  assert.notEqual(edited, route === 'llm' ? llm : mcp, `nothing to replace in route ${route}`);
  return [head, route === 'llm' ? edited : llm, route === 'mcp' ? edited : mcp].join('');
};

const LATER = { clock: { now: () => Date.now() + 10 * 3_600_000 } };
const NO_OPTIONS = {};

describe('the gateway’s route to the model', () => {
  for (const [what, from, to, options, code] of [
    [
      'wants another audience',
      /https:\/\/cognitiveservices\.azure\.com/,
      'https://other.example',
      NO_OPTIONS,
      'gateway.audienceRejected',
    ],
    [
      'wants another issuer',
      /issuer: .*/,
      'issuer: https://sts.windows.net/other/',
      NO_OPTIONS,
      'gateway.issuerRejected',
    ],
    ['has another clock', 'name: llm', 'name: llm ', LATER, 'gateway.tokenExpired'],
    ['knows other keys', /jwks:\s+file: .*/, 'jwks: \'{"keys":[]}\'', NO_OPTIONS, 'gateway.signatureRejected'],
    ['refuses by a rule', 'has(jwt.scp)', "jwt.scp == 'nobody'", NO_OPTIONS, 'gateway.forbidden'],
    ['is not there', 'pathPrefix: /llm', 'pathPrefix: /other', NO_OPTIONS, 'gateway.routeMissing'],
    ['leads nowhere', /hostOverride: .*/, 'hostOverride: 127.0.0.1:9', NO_OPTIONS, 'gateway.upstreamUnreachable'],
  ] as const) {
    test(what, async () => {
      const core = await w.core();
      await w.withGateway(inRoute('llm', from, to), options, async () => {
        const connection = await core.connect();
        if (options !== LATER) assert.deepEqual(steps(connection), ALL_DONE, 'what it is about MCP is not touched');
        const failure = said(await thrown(core.say('hello')), code);
        assert.match(failure.sentence, /gateway/i);
      });
      const { outcome } = await core.say('and now?');
      assert.equal(outcome, 'done', 'the same connection goes on when the gateway is mended');
    });
  }

  for (const [fault, code] of [
    [{ nextStatus: 401 }, 'llm.tokenRejected'],
    [{ nextStatus: 403 }, 'llm.forbidden'],
    [{ nextStatus: 404 }, 'llm.deploymentMissing'],
    [{ nextStatus: 429, retryAfter: 7 }, 'llm.rateLimited'],
  ] as const) {
    test(`lets through what the model’s host says: ${fault.nextStatus}`, async () => {
      const core = await w.core();
      await core.connect();
      await w.control('model', fault);
      const { nextStep } = said(await thrown(core.say('hello')), code);
      if ('retryAfter' in fault) assert.match(nextStep ?? '', /in 7 s/);
      await answers(core);
    });
  }
});

describe('the gateway’s route to the tools', () => {
  for (const [what, from, to, code] of [
    ['wants another audience', /- api:\/\/.*/, '- api://other', 'gateway.audienceRejected'],
    ['wants another issuer', /issuer: .*/, 'issuer: https://sts.windows.net/other/', 'gateway.issuerRejected'],
    ['knows other keys', /jwks:\s+file: .*/, 'jwks: \'{"keys":[]}\'', 'gateway.signatureRejected'],
    ['refuses by a rule', 'has(jwt.scp)', "jwt.scp == 'nobody'", 'gateway.forbidden'],
    ['is not there', 'exact: /mcp', 'exact: /other', 'gateway.routeMissing'],
  ] as const) {
    test(what, async () => {
      const core = await w.core();
      await w.withGateway(inRoute('mcp', from, to), {}, async () => {
        const connection = await core.connect();
        assert.deepEqual(steps(connection), { ...ALL_DONE, tools: code });
        said(connection.firstFailure?.error, code);
        const [server] = core.servers.list();
        assert.equal(server?.state.kind === 'failed' && server.state.error.code, code, 'the row has the reason, too');
        const { outcome, calls } = await core.say('hello');
        assert.equal(outcome, 'done', 'the chat works without tools');
        assert.deepEqual(calls, []);
      });
      await core.servers.refresh();
      await answers(core);
    });
  }

  test('mends itself when the clocks part: new tokens are asked for, and used', async () => {
    const core = await w.core();
    await works(core);
    await w.control('clock', { offsetSeconds: 2 * 3_600 });
    await answers(core);
  });
});

describe('an MCP server of the person’s own', () => {
  const HANDLERS: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    '/html': (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>'),
    '/json': (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"fine"}'),
    '/broken': (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc'),
    '/missing': (_request, response) => response.writeHead(404).end('Not Found'),
    '/private': (_request, response) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end(),
    '/forbidden': (_request, response) => response.writeHead(403).end('members only'),
    '/moved': (_request, response) => response.writeHead(307, { location: 'https://elsewhere.example/mcp' }).end(),
    '/tired': (_request, response) => response.writeHead(503).end(),
  };
  const CASES = [
    ['/html', 'mcp.notMcp'],
    ['/json', 'mcp.notMcp'],
    ['/broken', 'mcp.notMcp'],
    ['/missing', 'mcp.notMcp'],
    ['/private', 'mcp.signInNeeded'],
    ['/forbidden', 'mcp.forbidden'],
    ['/moved', 'mcp.redirected'],
    ['/tired', 'mcp.httpFailed'],
  ] as const;

  test('that is none is named when it is tried, and kept with its reason when it is added all the same', async () => {
    const core = await w.core();
    await core.connect();
    const [toolbox] = await addToolbox(core);
    const before = core.servers.catalog().length;
    const other = await standIn((request, response) =>
      (HANDLERS[request.url ?? ''] ?? HANDLERS['/missing'])?.(request, response),
    );
    try {
      for (const [path, code] of CASES) {
        const url = `${other.origin}${path}`;
        const { sentence } = said(await thrown(core.servers.probe(url, soon())), code);
        assert.ok(sentence.includes(new URL(url).host), sentence);
        assert.equal(
          core.servers.list().length,
          2 + CASES.findIndex(([known]) => known === path),
          'a try keeps nothing',
        );
        const server = await core.servers.addDirect(url);
        assert.ok(server.state.kind === 'failed');
        said(server.state.error, code);
      }
      assert.ok(other.requests.every(({ headers }) => headers.authorization === undefined));
    } finally {
      other.close();
    }
    const closed = other.origin; // nobody listens there any more
    said(await thrown(core.servers.probe(`${closed}/mcp`, soon())), 'mcp.unreachable');
    const dead = await core.servers.addDirect(`${closed}/mcp`, 'Dead one');
    assert.ok(dead.state.kind === 'failed');
    assert.match(said(dead.state.error, 'mcp.unreachable').sentence, /^Dead one /);
    assert.equal(toolbox?.state.kind, 'ready');
    assert.equal(core.servers.catalog().length, before, 'the tools of the others are as they were');
    await answers(core);

    const stored = core.stored.map(({ url }) => url);
    assert.equal(stored.length, CASES.length + 2);
    await core.servers.remove(dead.spec.id);
    assert.equal(core.stored.length, CASES.length + 1);
  });

  test('with an address that can not be one', async () => {
    const core = await w.core();
    await addToolbox(core);
    const url = core.servers.list()[0]?.spec.url ?? '';
    for (const [text, code] of [
      ['', 'mcp.urlInvalid'],
      ['not a url', 'mcp.urlInvalid'],
      ['ftp://example.org/mcp', 'mcp.urlInvalid'],
      ['http://example.org/mcp', 'mcp.urlNotHttps'],
      ['https://user:pass@example.org/mcp', 'mcp.urlCredentials'],
      [url, 'mcp.duplicate'],
    ] as const) {
      said(await thrown(core.servers.addDirect(text)), code);
      if (code !== 'mcp.duplicate') said(await thrown(core.servers.probe(text, soon())), code);
    }
    said(await thrown(core.servers.remove('direct:nobody')), 'mcp.noServer');
    said(await thrown(core.servers.refresh('direct:nobody')), 'mcp.noServer');
    assert.equal(core.servers.list().length, 1);
  });

  test('that goes down in use fails its own call only, and is back after a refresh', async () => {
    const core = await w.core();
    await core.connect();
    const [toolbox] = await addToolbox(core);
    await w.control('mcp', { server: 'toolbox', down: true });
    const { calls, outcome } = await core.say(
      'Use word_count on “one two three” and search the docs for agent identity.',
    );
    assert.equal(outcome, 'done');
    const ended = new Map(calls.map(call => [call.resolved?.server.spec.kind, call]));
    assert.equal(
      ended.get('gateway')?.status,
      'done',
      JSON.stringify(calls.map(call => [call.modelName, call.status])),
    );
    assert.equal(ended.get('direct')?.status, 'error');
    said(ended.get('direct')?.error, 'mcp.httpFailed');
    await w.control('mcp', { server: 'toolbox', down: false });
    await core.servers.refresh(toolbox?.spec.id);
    assert.equal(toolbox?.state.kind, 'ready');
    const again = await core.say('Use word_count on “one two three”.');
    assert.deepEqual(
      again.calls.map(call => call.status),
      ['done'],
    );
  });
});

test('with an API key the gateway’s server says that it needs a sign-in, and the person’s own get no token', async () => {
  const { direct, llmModel } = w.sandbox.json;
  const core = await w.core({
    keyModel: () =>
      createKeyModel({
        fetch,
        endpoint: direct.llm,
        kind: 'openai',
        model: llmModel,
        key: 'sk-test',
        logger: silentLogger,
      }),
  });
  await core.connect();
  await addToolbox(core);
  core.session.useApiKey();
  assert.equal(core.session.mode, 'apiKey');
  assert.equal(core.session.connection, undefined);
  await new Promise(setImmediate); // the list follows at once, but not within the call
  const gateway = core.servers.list().find(({ spec }) => spec.kind === 'gateway');
  assert.ok(gateway?.state.kind === 'failed');
  said(gateway.state.error, 'agent.gatewayNeedsSignIn');
  said(await thrown(gateway.call('x', {}, { signal: soon() })), 'agent.gatewayNeedsSignIn');
  assert.ok(core.servers.catalog().every(({ server }) => server.spec.kind === 'direct'));

  const { calls, outcome } = await core.say('Use word_count on “one two three”.');
  assert.equal(outcome, 'done');
  assert.deepEqual(
    calls.map(call => [call.status, call.identity]),
    [['done', undefined]],
  );
  const { toolbox } = (await w.control('mcp')) as { toolbox: { requests: number; authorized: number } };
  assert.ok(toolbox.requests > 0);
  assert.equal(toolbox.authorized, 0, 'no request to it had an Authorization header');
  await works(core);
});

/** The sandbox's server that stands alone, as one that the person added. */
async function addToolbox(core: Core): Promise<McpServer[]> {
  const url = w.sandbox.json.direct.mcp.find(({ name }) => name === 'toolbox')?.url ?? '';
  const server = await core.servers.addDirect(url, 'Toolbox');
  assert.equal(server.state.kind, 'ready');
  return [server];
}
