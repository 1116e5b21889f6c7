// What is wrong before a token is there: kubeconfig, cluster, rights, pods, sign-in. Each is named, said, and got over.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { ConnectionPlan } from '../../src/agent/configuration.ts';
import { fillLoginPage } from './support/sandbox.ts';
import { ALL_DONE, said, steps, thrown, works, world, type Core } from './wrong-input.fixture.ts';

const w = world();
const soon = () => AbortSignal.timeout(30_000);

/** Connecting fails as a whole, with this code; nothing stays behind. */
async function failsToConnect(core: Core, code: string, plan: Partial<ConnectionPlan> = {}) {
  const error = await thrown(core.session.connect({ ...core.plan(), ...plan }, core.interaction, soon()));
  const failure = said(error, code);
  assert.equal(core.session.mode, 'disconnected');
  assert.equal(core.session.connection, undefined);
  assert.deepEqual(core.servers.list(), []);
  return failure;
}

describe('a kubeconfig', () => {
  test('that is not there', async () => {
    const core = await w.core();
    const missing = path.join(path.dirname(w.sandbox.json.kubeconfig), 'no-such-file');
    const { sentence, actions } = await failsToConnect(core, 'kubeconfig.notFound', { kubeconfig: missing });
    assert.ok(sentence.includes(missing));
    assert.ok(actions.some(action => action.id === 'agentId.startSandbox'));
    await works(core);
  });

  test('that is none', async () => {
    const core = await w.core();
    const broken = path.join(path.dirname(w.sandbox.json.kubeconfig), 'broken');
    for (const [text, code] of [
      ['contexts: [\n', 'kubeconfig.invalid'],
      ['just a text', 'kubeconfig.invalid'],
    ] as const) {
      await writeFile(broken, text);
      await failsToConnect(core, code, { kubeconfig: broken });
    }
    await failsToConnect(core, 'kubeconfig.unreadable', { kubeconfig: path.dirname(broken) });
  });

  test('without the context', async () => {
    const core = await w.core();
    const { nextStep } = await failsToConnect(core, 'kubeconfig.contextNotFound', { context: 'production' });
    assert.ok(nextStep?.includes(w.sandbox.json.context), 'the next step names the ones there are');
    await works(core);
  });
});

describe('a cluster', () => {
  test('with no agent in the namespace', async () => {
    const core = await w.core();
    await w.kube('fixture', 'none');
    await failsToConnect(core, 'agent.agentGone');
    await w.kube('reset');
    await works(core);
  });

  test('with an agent that does not say who it is', async () => {
    const core = await w.core();
    await w.kube('fixture', 'unannotated');
    const { sentence } = await failsToConnect(core, 'agent.missingValue');
    assert.match(sentence, /Deployment research-agent does not say its agent identity/);
    const answers = { agentAppId: w.sandbox.json.agents[0]?.appId ?? '' };
    const connection = await core.session.connect({ ...core.plan(), answers }, core.interaction, soon());
    assert.deepEqual(steps(connection), ALL_DONE);
  });

  test('whose ServiceAccount and sidecar name two blueprints', async () => {
    const core = await w.core();
    await w.kube('fixture', 'otherClientId');
    await failsToConnect(core, 'discovery.blueprintMismatch');
    await w.kube('reset');
    await works(core);
  });

  test('whose identity nobody confirms is sent nothing', async () => {
    const core = await w.core({ fresh: true });
    const asked: string[] = [];
    const interaction: Core['interaction'] = {
      signIn: async () => assert.fail('nobody is asked to sign in'),
      trust: async ({ tenantId, blueprintAppId }) => {
        asked.push(tenantId, blueprintAppId);
        return false;
      },
    };
    const plan: ConnectionPlan = { ...core.plan() };
    delete plan.world; // a cluster of one's own brings no authority
    for (const person of [interaction, undefined]) {
      said(await thrown(core.session.connect(plan, person, soon())), 'agent.notTrusted');
      assert.equal(core.session.connection, undefined);
    }
    assert.deepEqual(asked, [w.sandbox.json.tenantId, w.sandbox.json.blueprintAppId]);
  });

  test('without a gateway has tokens, and no way to the model', async () => {
    const core = await w.core();
    await w.kube('remove', 'Service', 'agentgateway');
    const connection = await core.connect();
    assert.deepEqual(steps(connection), { ...ALL_DONE, tools: 'agent.noGateway' });
    const { who, fix = '' } = said(connection.firstFailure?.error, 'agent.noGateway');
    assert.equal(who, 'clusterAdmin');
    assert.match(fix, /kubectl label service .* app\.kubernetes\.io\/name=agentgateway/);
    said(await thrown(core.say('hello')), 'agent.noGateway');
    await w.kube('reset');
    await works(core);
  });

  test('whose gateway has a file that nobody can read', async () => {
    const core = await w.core();
    await w.kube('setConfigMap', 'agentgateway-config', { 'config.yaml': 'routes: [\n' });
    const connection = await core.connect();
    assert.deepEqual(steps(connection), { ...ALL_DONE, tools: 'gateway.configUnreadable' });
    said(connection.firstFailure?.error, 'gateway.configUnreadable');
    const { outcome } = await core.say('hello');
    assert.equal(outcome, 'done', 'tokens and model need no file');
    await w.kube('reset');
    await works(core);
  });

  test('that does not let us look', async () => {
    const core = await w.core();
    await w.kube('deny', { verb: 'list', resource: 'deployments' });
    const { sentence, nextStep } = await failsToConnect(core, 'cluster.forbidden');
    assert.match(sentence, /You may not list deployments\S* in namespace agent-id/);
    assert.match(nextStep ?? '', /Role agent-id-user/);
    await w.kube('allowAll');
    await works(core);
  });

  test('that lets us look and not connect, said before anything is opened', async () => {
    const core = await w.core();
    await w.kube('deny', { verb: 'create', resource: 'pods', subresource: 'portforward' });
    await w.kube('deny', { verb: 'list', resource: 'pods' });
    const { sentence, nextStep } = await failsToConnect(core, 'cluster.forbidden');
    assert.match(sentence, /You may not list pods in namespace agent-id, nor: create pods\/portforward\./);
    assert.match(nextStep ?? '', /Role agent-id-user/);
    await w.kube('allowAll');
    await works(core);
  });

  test('that does not know us any more', async () => {
    const core = await w.core();
    await w.kube('expireToken');
    await failsToConnect(core, 'cluster.unauthorized');
    await w.kube('renewToken');
    await works(core);
  });

  test('that is away', async () => {
    const core = await w.core();
    await w.kube('goAway');
    await failsToConnect(core, 'cluster.unreachable');
    await w.kube('back');
    await works(core);
  });
});

describe('a way to the pod', () => {
  for (const [what, fault, code, cure] of [
    [
      'with a pod that is not Ready',
      ['setReady', 'research-agent', false],
      'tunnel.noReadyPod',
      ['setReady', 'research-agent', true],
    ],
    [
      'with nobody at the other end',
      ['setListening', 'research-agent', false],
      'tunnel.refused',
      ['setListening', 'research-agent', true],
    ],
    [
      'through a proxy without WebSockets',
      ['refuseUpgrades', true],
      'tunnel.upgradeRefused',
      ['refuseUpgrades', false],
    ],
  ] as const) {
    test(what, async () => {
      const core = await w.core();
      await w.kube(fault[0], ...fault.slice(1));
      const connection = await core.connect();
      assert.deepEqual(steps(connection), {
        signIn: 'done',
        sidecar: code,
        llmToken: 'pending',
        mcpToken: 'pending',
        tools: 'pending',
      });
      said(connection.firstFailure?.error, code);
      said(await thrown(core.say('hello')), code);
      await w.kube(cure[0], ...cure.slice(1));
      await works(core);
    });
  }

  test('to a sidecar that is not healthy', async () => {
    const core = await w.core();
    await w.control('sidecar', { healthy: false });
    const connection = await core.connect();
    said(connection.firstFailure?.error, 'sidecar.unhealthy');
    await w.control('sidecar', { healthy: true });
    await connection.start(undefined, soon());
    assert.deepEqual(steps(connection), ALL_DONE);
  });
});

describe('a sign-in', () => {
  for (const [what, prepare, action, code] of [
    ['whose code has expired', { deviceCode: 'expired' }, 'consent', 'signIn.deviceCodeExpired'],
    ['whose code nobody enters in time', { deviceCodeLifetime: 1 }, 'nothing', 'signIn.deviceCodeExpired'],
    ['that is declined on the page', {}, 'cancel', 'signIn.declined'],
    ['at an Entra that is away', { down: true }, 'consent', 'signIn.unreachable'],
  ] as const) {
    test(what, async () => {
      const core = await w.core({ fresh: true });
      await w.control('entra', prepare);
      const signIn: Core['interaction']['signIn'] = (client, signal) =>
        client.deviceCode({
          signal,
          onPrompt: ({ userCode }) =>
            void (action !== 'nothing' && fillLoginPage(w.sandbox.json, userCode, { action })),
        });
      const connection = await core.session.connect(core.plan(), { ...core.interaction, signIn }, soon());
      assert.deepEqual(steps(connection), {
        ...ALL_DONE,
        signIn: code,
        llmToken: 'pending',
        mcpToken: 'pending',
        tools: 'pending',
      });
      said(connection.firstFailure?.error, code);
      said(await thrown(core.say('hello')), 'agent.signInNeeded');
      await w.control('entra', { deviceCode: 'normal', deviceCodeLifetime: 900, down: false });
      await connection.start(core.interaction.signIn, soon());
      assert.deepEqual(steps(connection), ALL_DONE);
    });
  }

  test('that is needed when nobody may be asked', async () => {
    const core = await w.core({ fresh: true });
    const connection = await core.session.connect(core.plan(), undefined, soon());
    said(connection.firstFailure?.error, 'agent.signInNeeded');
    await works(core);
  });

  test('that was revoked', async () => {
    const core = await w.core();
    await works(core);
    await w.control('entra', { revokeRefreshTokens: true });
    const connection = await core.session.connect(core.plan(), undefined, soon());
    said(connection.firstFailure?.error, 'signIn.sessionEnded');
    await works(core);
  });
});
