import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { discover } from '../../src/cluster/discovery.ts';
import type { KubeApi } from '../../src/cluster/kubeApi.ts';
import { loadKubeconfig, type Kubeconfig } from '../../src/cluster/kubeconfig.ts';
import { startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let kubeconfig: Kubeconfig;
let api: KubeApi;

before(async () => {
  sandbox = await startSandbox();
  kubeconfig = await loadKubeconfig({ path: sandbox.json.kubeconfig, logger: silentLogger });
  api = await kubeconfig.connect(sandbox.json.context);
});
afterEach(() => sandbox.control('/reset', {}));
after(async () => {
  await api.close();
  await sandbox.stop();
});

const kube = (call: string, ...args: unknown[]) => sandbox.kube(call, ...args);
const code = (expected: string) => (error: unknown) => {
  assert.ok(AgentIdError.is(error, expected), String(error));
  return true;
};

test('the sandbox’s kubeconfig lists its contexts', () => {
  const { context, namespace } = sandbox.json;
  const found = kubeconfig.contexts.find(({ name }) => name === context);
  assert.equal(found?.namespace, namespace);
  assert.equal(kubeconfig.currentContext, context);
  assert.match(found?.server ?? '', /^https:\/\/127\.0\.0\.1:\d+$/);
});

test('both agents and the gateway are found, with every value and no problem', async () => {
  const { json } = sandbox;
  const { agents, gateway, problems } = await discover(api, json.namespace);
  assert.deepEqual(problems, []);
  const wanted = json.agents.map(({ deployment, appId }) => ({ deployment, appId, problems: [] as unknown[] }));
  const found = agents.map(agent => ({
    deployment: agent.deployment,
    appId: agent.agentAppId?.value,
    problems: agent.problems,
  }));
  assert.deepEqual(new Set(found.map(item => JSON.stringify(item))), new Set(wanted.map(item => JSON.stringify(item))));
  for (const agent of agents) {
    assert.equal(agent.serviceAccount, 'agent-blueprint');
    assert.equal(agent.blueprintAppId?.value, json.blueprintAppId);
    assert.equal(agent.tenantId?.value, json.tenantId);
    assert.deepEqual(Object.fromEntries(agent.apis.map(({ name, audience }) => [name, audience])), {
      openai: 'https://cognitiveservices.azure.com',
      mcp: `api://${json.mcpAppId}`,
    });
    assert.equal(agent.client.llmDeployment?.value, json.llmModel);
    assert.equal(agent.client.llmPath?.value, '/llm');
  }
  assert.equal(gateway?.port, 3000);
  assert.match(gateway?.configText?.value ?? '', /mcpAuthorization/);
});

test('the least Role is enough, and says so', async () => {
  const { namespace } = sandbox.json;
  for (const verb of ['get', 'create'])
    assert.equal(await api.canI({ verb, resource: 'pods', subresource: 'portforward', namespace }), true);
  assert.equal(await api.canI({ verb: 'delete', resource: 'pods', namespace }), false);
});

test('an administrator’s client certificate works too', async () => {
  const admin = kubeconfig.contexts.find(({ name }) => name !== sandbox.json.context);
  assert.ok(admin);
  const theirs = await kubeconfig.connect(admin.name);
  assert.equal(await theirs.canI({ verb: 'delete', resource: 'pods', namespace: sandbox.json.namespace }), true);
  await theirs.close();
});

test('clusters that are not as they should be', async t => {
  const { namespace } = sandbox.json;
  const found = async (fixture: string) => {
    await kube('fixture', fixture);
    return discover(api, namespace);
  };
  await t.test('no agents', async () => assert.deepEqual((await found('none')).agents, []));
  await kube('reset');
  await t.test('agents that do not say who they are', async () => {
    for (const agent of (await found('unannotated')).agents) assert.equal(agent.agentAppId, undefined);
  });
  await kube('reset');
  await t.test('a ServiceAccount without a blueprint', async () => {
    for (const agent of (await found('noBlueprint')).agents)
      assert.equal(agent.blueprintAppId?.source, 'ConfigMap agent-id-sidecar, key AzureAd__ClientId');
  });
  await kube('reset');
  await t.test('a sidecar for another blueprint', async () => {
    for (const agent of (await found('otherClientId')).agents)
      assert.deepEqual(
        agent.problems.map(problem => problem.code),
        ['discovery.blueprintMismatch'],
      );
  });
  await kube('reset');
  await t.test('two blueprints', async () => {
    const { agents } = await found('secondBlueprint');
    assert.equal(new Set(agents.map(agent => agent.blueprintAppId?.value)).size, 2);
    assert.equal(new Set(agents.map(agent => agent.serviceAccount)).size, 2);
    assert.deepEqual(
      agents.flatMap(agent => agent.problems),
      [],
    );
  });
  await kube('reset');
  await t.test('the reference’s own deployment', async () => {
    await kube('fixture', 'reference');
    const { agents, gateway } = await discover(api, 'entra-demo');
    const [agent] = agents;
    assert.ok(agent && gateway?.configText);
    assert.match(agent.agentAppId?.source ?? '', /AGENT_IDENTITY_APP_ID/);
    assert.ok(agent.blueprintAppId && agent.tenantId && agent.client.llmDeployment && agent.client.llmApiVersion);
  });
});

test('RBAC, an expired token and an API server that is away have their own errors', async () => {
  const { namespace } = sandbox.json;
  await kube('deny', { verb: 'list', resource: 'deployments' });
  await assert.rejects(discover(api, namespace), (error: unknown) => {
    assert.ok(AgentIdError.is(error, 'cluster.forbidden'));
    assert.deepEqual(
      [error.args['verb'], error.args['resource'], error.args['namespace']],
      ['list', 'deployments', namespace],
    );
    return true;
  });
  await kube('allowAll');
  await kube('expireToken');
  await assert.rejects(discover(api, namespace), code('cluster.unauthorized'));
  await kube('renewToken');
  assert.equal((await discover(api, namespace)).agents.length, 2, 'the kubeconfig was read again');
  await kube('goAway');
  await assert.rejects(discover(api, namespace), code('cluster.unreachable'));
  await kube('back');
  assert.equal((await discover(api, namespace)).agents.length, 2);
});
