import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { ConnectionPlan } from '../../../src/agent/configuration.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import type { Discovery } from '../../../src/cluster/discovery.ts';
import { refusesAgent } from '../../../src/gateway/agentVerdict.ts';
import { agentOrder } from '../../../src/views/agentOrder.ts';
import { remember } from '../../../src/views/memory.ts';
import { sayer } from '../../../src/views/messages/index.ts';
import { remoteOf } from '../../../src/views/place.ts';
import { pluginText } from '../../../src/views/pluginText.ts';
import { sayTrust } from '../../../src/views/trustWords.ts';
import { translate } from './support.ts';

const KNOWN = '11111111-1111-4111-8111-111111111111';
const UNKNOWN = '22222222-2222-4222-8222-222222222222';

describe('what a credential plugin says', () => {
  it('keeps the code, and makes the page a link', () => {
    assert.equal(
      pluginText('To sign in, open https://microsoft.com/devicelogin.\n  Enter the code ABCD-1234.\n'),
      'To sign in, open [https://microsoft.com/devicelogin](https://microsoft.com/devicelogin). Enter the code ABCD-1234.',
    );
    assert.equal(
      pluginText('Please visit http://localhost:8000/?x=1'),
      'Please visit [http://localhost:8000/?x=1](http://localhost:8000/?x=1)',
    );
  });

  it('makes no other link', () => {
    assert.equal(pluginText('[Sign in](command:workbench.action.quit)'), '[Sign in] (command:workbench.action.quit)');
    assert.equal(pluginText('[x](https://a.example)'), '[x] ([https://a.example](https://a.example))');
    assert.equal(
      pluginText('http://localhost.evil.example/ http://evil.example/'),
      'http://localhost.evil.example/ http://evil.example/',
    );
  });

  it('shows the end of long talk', () => {
    const text = pluginText(`${'noise '.repeat(1_000)}enter ABCD-1234`);
    assert.ok(text.length <= 600 && text.endsWith('enter ABCD-1234'), text);
  });
});

describe('the agents on offer', () => {
  const file = readFileSync(new URL('../../../k8s/base/agentgateway-config.yaml', import.meta.url), 'utf8');
  const config = /config\.yaml: \|\n(?<text>(?: {4}.*\n|\n)+)/.exec(file)?.groups?.['text'] ?? '';
  const gatewayFile = config.replace(/^ {4}/gm, '').replaceAll('${AGENT_APP_IDS}', `'${KNOWN}'`);

  const refuses = (agentAppId: string, file = gatewayFile, blueprintAppId?: string, tenantId?: string) =>
    refusesAgent(file, { agentAppId, blueprintAppId, tenantId });

  it('are told apart by the gateway’s own file', () => {
    assert.ok(gatewayFile.includes(KNOWN));
    assert.equal(refuses(KNOWN), false);
    assert.equal(refuses(UNKNOWN), true);
    assert.equal(refuses(UNKNOWN, gatewayFile.replace(/jwt\.appid in [^&]+&& /, '')), false);
    assert.equal(refuses(UNKNOWN, 'no: [yaml'), false);
  });

  it('are told apart by blueprint and tenant, where a rule looks at those', () => {
    for (const claim of ['xms_par_app_azp', 'tid']) {
      const file = gatewayFile.replace(/jwt\.appid in [^&]+(?=&& )/, `jwt.${claim} == '${KNOWN}' `);
      assert.notEqual(file, gatewayFile);
      assert.equal(refuses(UNKNOWN, file, KNOWN, KNOWN), false, claim);
      assert.equal(refuses(KNOWN, file, UNKNOWN, UNKNOWN), true, claim);
      assert.equal(refuses(KNOWN, file), false, `${claim} is not known`);
    }
  });

  it('come in the order of use, then of what the gateway lets in, then of their names', () => {
    const agent = (deployment: string, id?: string) => ({
      deployment,
      ...(id && { agentAppId: { value: id, source: '' } }),
    });
    const found = {
      agents: [agent('a', UNKNOWN), agent('b', KNOWN), agent('c'), agent('d', UNKNOWN)],
      gateway: { configText: { value: 'file', source: '' } },
      problems: [],
    } as unknown as Discovery;
    const names = (last?: string) =>
      agentOrder(found, last, (_file, { agentAppId }) => agentAppId === UNKNOWN).map(
        ({ agent: { deployment }, refused }) => `${deployment}${refused ? '!' : ''}`,
      );
    assert.deepEqual(names(), ['b', 'c', 'a!', 'd!']);
    assert.deepEqual(names('d'), ['d!', 'b', 'c', 'a!']);
  });
});

describe('the trust prompt', () => {
  const [tenantId, blueprintAppId, other] = [KNOWN, UNKNOWN, UNKNOWN.replaceAll('2', '3')];
  const chosen = { context: 'prod', namespace: 'agents', deployment: 'a1', authority: 'https://login.example/t' };
  const identity = { server: 'https://api.example:6443', tenantId, blueprintAppId, chosen };

  it('names the three that are trusted, then what was chosen and where the sign-in is', () => {
    const { title, detail } = sayTrust(translate, identity);
    assert.match(title, /^Trust this cluster to name the identity you sign in for\?$/);
    assert.deepEqual(detail.split('\n').slice(0, 8), [
      'API server: https://api.example:6443',
      `Tenant: ${tenantId}`,
      `Blueprint: ${blueprintAppId}`,
      '',
      'Context: prod',
      'Agent: agents/a1',
      'You sign in at: https://login.example/t',
      '',
    ]);
    assert.doesNotMatch(detail, /until now|Nothing proves/);
  });

  it('shows what has changed, and only that', () => {
    const { title, detail } = sayTrust(translate, {
      ...identity,
      before: { tenantId: tenantId.toUpperCase(), blueprintAppId: other },
    });
    assert.match(title, /not as you confirmed it/);
    assert.deepEqual(detail.split('\n').slice(1, 3), [
      `Tenant: ${tenantId}`,
      `Blueprint: ${blueprintAppId} (until now ${other})`,
    ]);
  });

  it('says when nothing proves which server it is', () => {
    assert.match(sayTrust(translate, { ...identity, unverified: true }).detail, /\n\nNothing proves that this is that/);
  });
});

describe('the wrong side of a remote window', () => {
  const next = (remote: ReturnType<typeof remoteOf>, code: string, more: Record<string, string> = {}) =>
    sayer(translate, { known: () => (remote ? { remote } : {}) })(
      new AgentIdError(code, { path: 'p', command: 'kubelogin', hint: '', ...more }),
    ).nextStep ?? '';

  it('is named, with what to do', () => {
    assert.match(
      next(remoteOf('wsl', false), 'kubeconfig.notFound'),
      /on your own machine, where Agent ID runs, not in WSL: bring it here/,
    );
    assert.match(
      next(remoteOf('codespaces', true), 'kubeconfig.notFound'),
      /must be in the codespace, where Agent ID runs, not on your own machine/,
    );
    assert.match(next(remoteOf('ssh-remote', true), 'cluster.pluginMissing'), /^The plugin must be in the SSH host/);
  });

  it('is named where it makes this machine’s own address another machine, as in a container with kind’s kubeconfig', () => {
    const unreachable = (remote: ReturnType<typeof remoteOf>, server: string) =>
      next(remote, 'cluster.unreachable', { server, reason: 'ECONNREFUSED' });
    assert.match(
      unreachable(remoteOf('dev-container', true), 'https://127.0.0.1:36443'),
      /^127\.0\.0\.1 is the container itself, where Agent ID runs, not your own machine: /,
    );
    assert.match(
      unreachable(remoteOf('wsl', false), 'https://localhost:6443'),
      /^localhost is your own machine, where Agent ID runs, not WSL: /,
    );
    for (const [remote, server] of [
      [remoteOf('wsl', true), 'https://api.example'],
      [remoteOf(undefined, false), 'https://127.0.0.1:36443'],
    ] as const)
      assert.match(unreachable(remote, server), /^Check the network and the VPN/);
  });

  it('keeps the plugin’s own hint, which names what to install', () => {
    assert.equal(next(remoteOf('wsl', true), 'cluster.pluginMissing', { hint: 'Get kubelogin.' }), 'Get kubelogin.');
  });

  it('is no matter in a local window', () => {
    assert.match(
      next(remoteOf(undefined, false), 'kubeconfig.notFound'),
      /^Set agentId\.kubeconfig, or try the sandbox\.$/,
    );
  });
});

describe('what the next window and the next Connect… begin with', () => {
  const stored = new Map<string, unknown>();
  const remembered = remember({
    keys: () => [...stored.keys()],
    get: (key: string) => stored.get(key),
    update: async (key: string, value: unknown) => void stored.set(key, JSON.parse(JSON.stringify(value ?? null))),
  } as Parameters<typeof remember>[0]);
  const plan: ConnectionPlan = { mode: 'connected', context: 'c', namespace: 'n', deployment: 'd', answers: {} };

  it('is nothing at first', () => {
    assert.deepEqual([remembered.mode, remembered.plan, remembered.lastCluster], [undefined, undefined, undefined]);
  });

  it('is the cluster that is connected', async () => {
    await remembered.keep(plan);
    assert.deepEqual([remembered.mode, remembered.plan, remembered.lastCluster], ['plan', plan, plan]);
  });

  it('outlives a sandbox, a connection file and an API key for Connect… alone', async () => {
    const sandbox: ConnectionPlan = { ...plan, mode: 'sandbox', deployment: 's' };
    await remembered.keep(sandbox);
    assert.deepEqual([remembered.plan, remembered.lastCluster], [sandbox, plan]);
    await remembered.keep({ ...plan, deployment: 'f', world: { authority: 'https://a.example', keepSignIn: true } });
    assert.deepEqual([remembered.plan?.deployment, remembered.lastCluster], ['f', plan]);
    await remembered.keepApiKey();
    assert.deepEqual([remembered.mode, remembered.plan, remembered.lastCluster], ['apiKey', undefined, plan]);
  });

  it('is after a Disconnect nothing for the window, and still the cluster for Connect…', async () => {
    await remembered.forget();
    assert.deepEqual([remembered.mode, remembered.plan, remembered.lastCluster], [undefined, undefined, plan]);
  });
});
