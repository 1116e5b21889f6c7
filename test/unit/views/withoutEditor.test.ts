// Surfaces that import `vscode` for their words, or for dialogs that they do not come to: the module is stood in for.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Session } from '../../../src/agent/session.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { Settings } from '../../../src/settings.ts';
import { sayer } from '../../../src/views/messages/index.ts';
import { translate } from './support.ts';

const STAND_IN = `data:text/javascript,${encodeURIComponent(`
  export const l10n = { t: (message, ...args) => message.replace(/\\{(\\d)\\}/g, (_all, index) => args[index]) };
  export const env = { language: 'en' };
  export const Uri = { joinPath: ({ fsPath }, ...parts) => ({ fsPath: [fsPath, ...parts].join('/') }) };
`)}`;
const hooks = registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'vscode' ? { url: STAND_IN, shortCircuit: true } : next(specifier, context),
});
after(() => hooks.deregister());

let directory: string;
before(async () => void (directory = await mkdtemp(path.join(os.tmpdir(), 'agent-id-editor-'))));
after(() => rm(directory, { recursive: true }));

test('a key is for one endpoint, which has to be one that a key may travel to', async () => {
  const { keyModel } = await import('../../../src/views/apiKeyFlow.ts');
  const open = (endpoint: string, stored?: object) => {
    const secrets = {
      get: async () => stored && JSON.stringify(stored),
      set: async () => {},
      delete: async () => {},
    };
    const apiKey: Settings['apiKey'] = { kind: 'openai', endpoint, model: 'm' };
    return keyModel(secrets, { authority: '', clientId: '', clientIdIsDefault: true, apiKey }, silentLogger);
  };
  for (const endpoint of ['', 'no url', 'http://api.example/v1', 'https://ana:pw@api.example/v1'])
    await assert.rejects(open(endpoint), ({ code, args }: { code: string; args: Record<string, string> }) => {
      assert.deepEqual([code, args['setting']], ['agent.setting', 'agentId.apiKey.endpoint'], endpoint);
      return true;
    });
  const endpoint = 'https://api.example/v1';
  for (const stored of [undefined, {}, { endpoint: 'https://elsewhere.example/v1', key: 'k' }, { endpoint, key: 7 }])
    await assert.rejects(open(endpoint, stored), { code: 'agent.noApiKey' }, JSON.stringify(stored));
  assert.ok(await open(endpoint, { endpoint, key: 'k' }));
});

test('a sandbox that does not come up is told with what it said last, or with what is wrong in what it says', async () => {
  const { SandboxProcess } = await import('../../../src/views/sandboxProcess.ts');
  const dist = path.join(directory, 'dist', 'sandbox');
  await mkdir(dist, { recursive: true });
  const start = async (script: string) => {
    await writeFile(path.join(dist, 'main.js'), script);
    const sandbox = new SandboxProcess({ fsPath: directory } as never, silentLogger, () => assert.fail('it never ran'));
    try {
      return await sandbox.start(AbortSignal.timeout(20_000));
    } finally {
      sandbox.dispose();
    }
  };
  const problem = (expected: RegExp) => (error: unknown) => {
    const { code, args } = error as { code: string; args: Record<string, string> };
    assert.equal(code, 'sandbox.failed');
    assert.match(args['problem'] ?? '', expected);
    return true;
  };
  const dies = "process.stderr.write('no port is free', () => process.exit(3));";
  await assert.rejects(start(dies), problem(/^it ended with code 3: no port is free$/));
  await assert.rejects(start('process.send({ version: 2 });'), problem(/version/));
});

test('a tunnel that is not there says since when, and why', async () => {
  const { identityRows } = await import('../../../src/views/identityTree.ts');
  const since = Date.UTC(2026, 0, 2, 3, 4, 5);
  const clock = new Date(since).toLocaleTimeString('en');
  const error = new AgentIdError('tunnel.noReadyPod', { namespace: 'n', selector: 's', reason: 'there are no pods' });
  const value = { value: 'x' };
  const connection = {
    step: () => ({ kind: 'pending' }),
    sidecarTunnel: { state: { kind: 'reconnecting', since, pod: 'pod-a', error } },
    gatewayTunnel: { state: { kind: 'ready', since, pod: 'pod-b' } },
    configuration: { agentAppId: value, blueprintAppId: value, llmApi: value, mcpApi: value },
    agent: { namespace: 'n', deployment: 'd', serviceAccount: 'a' },
    broker: { peek: () => undefined },
  };
  const session = { mode: 'connected', plan: { mode: 'connected' }, connection } as unknown as Session;
  const rows = identityRows(session, '', sayer(translate)).flatMap(row => row.children ?? []);
  const tunnels = rows.filter(({ id }) => id.startsWith('tunnel:'));
  assert.deepEqual(
    tunnels.map(({ description }) => description),
    [`reconnecting · since ${clock} · pod-a`, 'ready · pod-b'],
  );
  const tooltip = tunnels[0]?.tooltip;
  assert.match(typeof tooltip === 'string' ? tooltip : '', new RegExp(`^since ${clock}\\n\\nNo pod is ready`));
  assert.equal(tunnels[1]?.tooltip, `since ${clock}`);
});
