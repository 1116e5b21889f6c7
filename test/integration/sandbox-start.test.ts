// The sandbox as a program: its one line of JSON, flags, control endpoint, IPC, and how it ends.
import assert from 'node:assert/strict';
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeJwt } from 'jose';
import type { Connection } from '../../src/sandbox/sandbox.ts';
import { agentLegs, AZURE_OPENAI, claimsOf } from './support/agent.ts';
import { signIn, startSandbox } from './support/sandbox.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/sandbox.ts', import.meta.url));

async function sidecarToken(json: Connection, api: string, tc: string, agent = 0): Promise<string> {
  const response = await fetch(
    `${json.direct.sidecar}/AuthorizationHeader/${api}?AgentIdentity=${json.agents[agent]?.appId}`,
    {
      headers: { Authorization: `Bearer ${tc}` },
    },
  );
  return ((await response.json()) as { authorizationHeader: string }).authorizationHeader;
}

/** The names of the tools that the gateway lists for a bearer, as raw JSON-RPC; or the HTTP status of its refusal. */
async function gatewayTools(json: Connection, authorization: string): Promise<string[] | number> {
  const post = (message: object, session?: string) =>
    fetch(`${json.direct.gateway}/mcp`, {
      method: 'POST',
      headers: {
        Authorization: authorization,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        ...(session && { 'Mcp-Session-Id': session }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  const clientInfo = { name: 'test', version: '1' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
  const opened = await post({ id: 1, method: 'initialize', params });
  await opened.text();
  if (opened.status !== 200) return opened.status;
  const session = opened.headers.get('mcp-session-id') ?? '';
  await (await post({ method: 'notifications/initialized' }, session)).text();
  const text = await (await post({ id: 2, method: 'tools/list' }, session)).text();
  const data = /^data: (\{.*\})$/m.exec(text)?.[1] ?? text;
  const { result } = JSON.parse(data) as { result: { tools: { name: string }[] } };
  return result.tools.map(tool => tool.name);
}

test('one line of JSON says everything, the whole chain works, and SIGTERM leaves nothing behind', async () => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.resume();
  const ended = once(child, 'exit') as Promise<[number | null]>;
  try {
    while (!out.includes('\n')) await once(child.stdout, 'data');
    const json = JSON.parse(out) as Connection;
    assert.deepEqual(Object.keys(json), [
      ...[
        'version',
        'authority',
        'tenantId',
        'caFile',
        'kubeconfig',
        'context',
        'namespace',
        'blueprintAppId',
        'scope',
      ],
      ...[
        'agents',
        'mcpAppId',
        'mcpScope',
        'llmModel',
        'sidecarVersion',
        'users',
        'gatewayConfigFile',
        'direct',
        'login',
      ],
      ...['controlUrl', 'controlToken'],
    ]);
    assert.equal(json.version, 1);
    assert.ok(json.authority.endsWith(`/${json.tenantId}`));
    assert.deepEqual([json.namespace, json.sidecarVersion], ['agent-id', '1.1.1']);
    assert.deepEqual(
      json.agents.map(agent => agent.deployment),
      ['research-agent', 'intern-agent'],
    );
    assert.ok(json.users.length >= 2);
    assert.deepEqual(
      json.direct.mcp.map(({ name }) => name),
      ['microsoft', 'exa-ai', 'toolbox'],
    );
    assert.ok(json.direct.llm.endsWith('/v1'));
    for (const file of [json.caFile, json.kubeconfig, json.gatewayConfigFile])
      assert.ok(path.isAbsolute(file) && existsSync(file), file);
    assert.match(
      await readFile(json.gatewayConfigFile, 'utf8'),
      new RegExp(`port: ${new URL(json.direct.gateway).port}\\b`),
    );

    child.kill('SIGTERM');
    assert.equal((await ended)[0], 0);
    assert.ok(!existsSync(path.dirname(json.caFile)), 'the temporary directory is gone');
    assert.equal(out.trim().split('\n').length, 1);
  } finally {
    child.kill('SIGKILL');
  }
});

test('tokens of the sidecar open the gateway, as its rules say', async () => {
  const sandbox = await startSandbox();
  try {
    const { json } = sandbox;
    const { access_token: tc } = await signIn(sandbox);
    const allowed = await gatewayTools(json, await sidecarToken(json, 'mcp', tc));
    assert.ok(Array.isArray(allowed) && allowed.length > 1, JSON.stringify(allowed));
    assert.ok(!allowed.some(name => name.includes('crawling_exa')), 'the policy hides this one');
    const refused = await gatewayTools(json, await sidecarToken(json, 'mcp', tc, 1));
    assert.deepEqual(refused, [], 'the rules do not know the second agent');
    assert.equal(await gatewayTools(json, await sidecarToken(json, 'openai', tc)), 401, 'another audience');
    assert.equal(await gatewayTools(json, 'Bearer junk'), 401);
    await sandbox.control('/entra', { agentClaims: false });
    const force = `AgentIdentity=${json.agents[0]?.appId}&optionsOverride.AcquireTokenOptions.ForceRefresh=true`;
    const bare = await fetch(`${json.direct.sidecar}/AuthorizationHeader/mcp?${force}`, {
      headers: { Authorization: `Bearer ${tc}` },
    });
    const { authorizationHeader } = (await bare.json()) as { authorizationHeader: string };
    assert.deepEqual(await gatewayTools(json, authorizationHeader), [], 'without the agent claims nothing is allowed');

    const completion = await fetch(`${json.direct.gateway}/llm/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { Authorization: await sidecarToken(json, 'openai', tc), 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: json.llmModel, messages: [{ role: 'user', content: 'Hello' }] }),
    });
    assert.equal(completion.status, 200);
  } finally {
    assert.equal(await sandbox.stop(), 0);
  }
});

test('lifetime and claims of user tokens come from the command line', async () => {
  const sandbox = await startSandbox(['--token-lifetime', '90', '--user-claims', '{"name":"Eve \\u202e","extra":[1]}']);
  try {
    const { access_token: tc, expires_in: expiresIn } = await signIn(sandbox);
    assert.equal(expiresIn, 89);
    const claims = decodeJwt(tc);
    assert.deepEqual([claims.name, claims.extra], ['Eve \u202e', [1]]);
    assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 90 + 300);
    const t2 = claimsOf(await (await agentLegs(sandbox)).onBehalfOf(tc, AZURE_OPENAI));
    assert.deepEqual([t2.name, t2.extra], ['Eve \u202e', [1]]);
  } finally {
    await sandbox.stop();
  }
});

test('a real gateway and a real model take the places of the simulated ones', async () => {
  const seen: { path: string | undefined; key: string | undefined; model: unknown }[] = [];
  const model = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { authorization: key } = request.headers;
      seen.push({ path: request.url, key, model: (JSON.parse(body) as { model: unknown }).model });
      response.setHeader('Content-Type', 'application/json').end('{"choices":[]}');
    });
  });
  await once(model.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`;
  process.env.SANDBOX_LLM_KEY = 'key-of-the-model';
  const flags = [
    '--llm-url',
    url,
    '--llm-model',
    'big-model',
    '--gateway-url',
    'http://127.0.0.1:49',
    '--gateway-port',
    '4949',
  ];
  const sandbox = await startSandbox(flags);
  try {
    const { json } = sandbox;
    assert.equal(json.llmModel, 'big-model');
    assert.equal(json.direct.gateway, 'http://127.0.0.1:49', 'nobody listens there yet');
    assert.match(await readFile(json.gatewayConfigFile, 'utf8'), /port: 4949\b/);
    const answer = await fetch(`${json.direct.llm}/chat/completions`, {
      method: 'POST',
      headers: { Authorization: 'Bearer of the caller', 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'big-model', messages: [{ role: 'user', content: 'Hello' }] }),
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(seen, [{ path: '/v1/chat/completions', key: 'Bearer key-of-the-model', model: 'big-model' }]);
  } finally {
    delete process.env.SANDBOX_LLM_KEY;
    await sandbox.stop();
    model.close();
  }
});

test('as a forked child it sends the same JSON, and ends when its parent goes', async () => {
  const child = fork(SCRIPT, [], { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] });
  let out = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const [json] = (await once(child, 'message')) as [Connection];
  assert.equal(json.version, 1);
  assert.ok(existsSync(json.caFile));
  child.disconnect();
  assert.equal((await ended)[0], 0);
  assert.ok(!existsSync(path.dirname(json.caFile)));
  assert.equal(out, '', 'stdout is for --json');
});

test('a wrong flag is named, with the usage', () => {
  const cases: [args: string[], said: RegExp][] = [
    [['--token-lifetime', 'soon'], /--token-lifetime/],
    [['--gateway-url', 'nowhere'], /--gateway-url/],
    [['--user-claims', '{'], /--user-claims/],
    [['--sidecar-version', '2.0'], /--sidecar-version/],
    [['--llm-url', 'http://127.0.0.1/v1'], /^--llm-url and --llm-model go together/],
    [['--frobnicate'], /--frobnicate/],
  ];
  for (const [args, said] of cases) {
    const { status, stderr, stdout } = spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, said);
    assert.match(stderr, /SANDBOX: a simulated Entra tenant/);
  }
});

test('a port that is taken is one sentence with the flag that helps', async () => {
  const taken = createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  const { port } = taken.address() as AddressInfo;
  const args = ['--disable-warning=ExperimentalWarning', SCRIPT, '--gateway-port', String(port)];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  taken.close();
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`^The sandbox did not start: port ${port} is in use\\. .*--gateway-port\\.\\n$`));
});

test('the control endpoint wants its token, knows its panels, resets all of them, and logs no secrets', async () => {
  const sandbox = await startSandbox();
  try {
    const { json } = sandbox;
    const control = (at: string, body?: unknown) => sandbox.control(at, body);
    for (const Authorization of ['', 'Bearer wrong'])
      assert.equal((await fetch(json.controlUrl, { headers: { Authorization } })).status, 401);
    const panels = (await control('/')) as Record<string, unknown>;
    assert.deepEqual(Object.keys(panels).sort(), ['clock', 'entra', 'issuer', 'kubernetes', 'mcp', 'model', 'sidecar']);
    const { access_token: tc, refresh_token: refreshToken } = await signIn(sandbox);
    await sidecarToken(json, 'mcp', tc);

    await control('/entra', { agentClaims: false, consentMissing: ['research-agent/mcp'] });
    await control('/sidecar', { healthy: false });
    await control('/clock', { offsetSeconds: 5 });
    await control('/mcp', { server: 'toolbox', down: true });
    await control('/model', { nextStatus: 429 });
    const changed = (await control('/')) as Record<string, unknown>;
    assert.deepEqual(changed.clock, { offsetSeconds: 5 });
    assert.equal((changed.entra as { agentClaims: boolean }).agentClaims, false);
    await assert.rejects(control('/nothing', {}), /404/);
    await assert.rejects(control('/entra', { agentClaim: true }), /400/);

    const text = JSON.stringify(await control('/requests'));
    const log = JSON.parse(text) as { part: string; method: string; path: string; status: number }[];
    assert.ok(
      log.some(
        ({ part, path: at, status }) => part === 'sidecar' && at === '/AuthorizationHeader/mcp' && status === 200,
      ),
    );
    assert.ok(log.some(({ part, method, path: at }) => part === 'entra' && method === 'POST' && at.endsWith('/token')));
    for (const secret of [tc, refreshToken, json.controlToken]) assert.ok(!text.includes(secret));
    assert.ok(!text.includes('?'), 'no queries');

    await control('/reset', {});
    assert.deepEqual(await control('/'), {
      ...panels,
      entra: (await control('/entra')) as object,
      mcp: (await control('/mcp')) as object,
    });
    assert.equal(((await control('/entra')) as { agentClaims: boolean }).agentClaims, true);
    assert.deepEqual(await control('/requests'), []);
  } finally {
    await sandbox.stop();
  }
});

test('the cluster is driven through the control endpoint as well', async () => {
  const sandbox = await startSandbox();
  try {
    const call = async (name: string, ...args: unknown[]) =>
      ((await sandbox.control('/kubernetes', { do: name, args })) as { result: unknown }).result;
    const pods = async () => (await call('pods', 'research-agent')) as { ready: boolean; terminating: boolean }[];
    const [pod] = await pods();
    assert.equal(pod?.ready, true);
    await call('setReady', 'research-agent', false);
    assert.deepEqual(
      (await pods()).map(({ ready }) => ready),
      [false],
    );
    await assert.rejects(call('setReady', 'research-agent'), /400/);
    await assert.rejects(call('explode'), /400/);
    await sandbox.control('/reset', {});
    const alive = (await pods()).filter(({ terminating }) => !terminating);
    assert.deepEqual(
      alive.map(({ ready }) => ready),
      [true],
    );
  } finally {
    await sandbox.stop();
  }
});
