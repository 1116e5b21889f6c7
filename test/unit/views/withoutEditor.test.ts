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
import { startChat, translate } from './support.ts';

const STAND_IN = `data:text/javascript,${encodeURIComponent(`
  export const l10n = { t: (message, ...args) => message.replace(/\\{(\\d)\\}/g, (_all, index) => args[index]) };
  export const env = { language: 'en' };
  export const StatusBarAlignment = { Left: 1 };
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

test('a connection whose tunnel is lost looks lost: its row, the step that went through it, the title and the status bar', async () => {
  const { identityRows, identitySummary } = await import('../../../src/views/identityTree.ts');
  const { describe } = await import('../../../src/views/statusBar.ts');
  const say = sayer(translate);
  const error = new AgentIdError('tunnel.noReadyPod', { namespace: 'n', selector: 's', reason: 'there are no pods' });
  const value = { value: 'x' };
  const ready = { state: { kind: 'ready', since: 0 } };
  const shown = (sidecarTunnel: object, gatewayTunnel: object) => {
    const session = {
      mode: 'connected',
      plan: { mode: 'connected' },
      connection: {
        ...{ sidecarTunnel, gatewayTunnel, step: () => ({ kind: 'done', detail: '2' }), account: { username: 'ana' } },
        configuration: { agentAppId: value, blueprintAppId: value, llmApi: value, mcpApi: value },
        agent: { namespace: 'n', deployment: 'd', serviceAccount: 'a' },
        broker: { peek: () => undefined },
      },
    } as unknown as Session;
    const row = identityRows(session, '', say).find(({ label }) => label === 'Connection');
    const amber = (row?.children ?? []).filter(({ icon }) => icon === 'warning');
    const { text, warning } = describe(session);
    return [row?.icon, row?.description, amber.map(({ id }) => id), identitySummary(session), text, warning];
  };
  assert.deepEqual(shown(ready, ready), [
    'pass',
    '5 of 5 steps',
    [],
    '5 of 5 steps',
    '$(verified) d for ana',
    undefined,
  ]);
  for (const kind of ['reconnecting', 'failed']) {
    const lost = { state: { kind, since: 0, error } };
    const said = [`${kind} · ${say(error).sentence}`, kind, `$(warning) d for ana · ${kind}`, true] as const;
    const [reason, ...rest] = said;
    assert.deepEqual(shown(lost, ready), ['warning', reason, ['step:sidecar'], ...rest]);
    assert.deepEqual(shown(ready, lost), ['warning', reason, ['step:tools'], ...rest]);
  }
});

test('whoever was not asked to sign in yet has met no failure', async () => {
  const { identityRows } = await import('../../../src/views/identityTree.ts');
  const { serverRows, serversSummary } = await import('../../../src/views/serversTree.ts');
  const { describe } = await import('../../../src/views/statusBar.ts');
  const say = sayer(translate);
  const error = new AgentIdError('agent.signInNeeded');
  const value = { value: 'x' };
  const ready = { state: { kind: 'ready', since: 0 } };
  const session = {
    mode: 'connected',
    plan: { mode: 'connected' },
    connection: {
      ...{
        sidecarTunnel: ready,
        step: (id: string) => (id === 'signIn' ? { kind: 'failed', error } : { kind: 'pending' }),
      },
      configuration: { agentAppId: value, blueprintAppId: value, llmApi: value, mcpApi: value },
      agent: { namespace: 'n', deployment: 'd', serviceAccount: 'a' },
      broker: { peek: () => undefined },
    },
  } as unknown as Session;
  const rows = identityRows(session, '', say);
  assert.deepEqual([rows[0]?.label, rows[0]?.icon], ['Not signed in', 'account']);
  const step = rows.flatMap(({ children }) => children ?? []).find(({ id }) => id === 'step:signIn');
  assert.deepEqual([step?.icon, step?.color], ['circle-outline', undefined]);
  assert.equal(describe(session).text, '$(account) d, not signed in');
  const gateway = (state: object) =>
    ({
      list: () => [{ spec: { id: 'g', kind: 'gateway', label: 'Gateway', url: '' }, enabled: true, state }],
    }) as never;
  const words = { say, refusedBecause: () => undefined, hidden: () => [{ name: 'x', reason: say(error) }] };
  const waiting = gateway({ kind: 'failed', error });
  assert.equal(serversSummary(waiting, words), undefined);
  assert.deepEqual(
    serverRows(waiting, words).map(({ description, icon }) => [description, icon]),
    [['sign in to list its tools', 'lock']],
  );
  assert.equal(serversSummary(gateway({ kind: 'ready', tools: [] }), words), 'no tool allowed');
  assert.equal(serversSummary(gateway({ kind: 'ready', tools: [{}] }), words), '1 tool · 1 denied');
});

test('the sandbox keeps its name while it connects', async () => {
  const { describe } = await import('../../../src/views/statusBar.ts');
  const text = (mode: string) => describe({ mode: 'connecting', plan: { mode } } as unknown as Session).text;
  assert.equal(text('sandbox'), '$(loading~spin) SANDBOX · connecting');
  assert.equal(text('connected'), '$(loading~spin) Agent ID');
});

test('the chat says why the last sign-in failed, until the next one', async () => {
  const { ConnectionNotice } = await import('../../../src/views/connectionNotice.ts');
  const chat = startChat();
  let state: object = { kind: 'pending' };
  const session = {
    mode: 'connected',
    connection: { step: (id: string) => (id === 'signIn' ? state : { kind: 'pending' }) },
  };
  const notice = new ConnectionNotice(session as unknown as Session, chat.controller, {
    say: chat.say,
    withoutTools: () => undefined,
  });
  const said = () => {
    notice.update();
    return chat
      .items()
      .map(item => item.kind === 'notice' && [item.failure.sentence, item.failure.actions.map(({ id }) => id)]);
  };
  assert.deepEqual(said(), [['You are not signed in.', ['agentId.signIn']]]);
  state = { kind: 'failed', error: new AgentIdError('signIn.declined') };
  const declined = [['You are not signed in. The sign-in was declined on the page.', ['agentId.signIn']]];
  assert.deepEqual(said(), declined);
  assert.deepEqual(said(), declined, 'said once');
  state = { kind: 'failed', error: new AgentIdError('signIn.unsafePage', { page: 'p', authority: 'a' }) };
  assert.deepEqual(said()[0] && (said()[0] as unknown[])[1], ['agentId.signIn'], 'there is always a button to sign in');
  state = { kind: 'running' };
  assert.deepEqual(said(), []);
});
