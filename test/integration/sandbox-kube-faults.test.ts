import assert from 'node:assert/strict';
import { afterEach, after, before, test } from 'node:test';
import { echo, eventually, type Forward, NAMESPACE, TestCluster, VALUES } from '../unit/sandbox-kube/support.ts';

let cluster: TestCluster;
before(async () => void (cluster = await TestCluster.start(echo)));
after(() => cluster.stop());
const open: Forward[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) each.socket.terminate();
  await cluster.kube.control.reset();
});
async function forward(options?: Parameters<TestCluster['forward']>[0]): Promise<Forward> {
  const made = await cluster.forward(options);
  open.push(made);
  return made;
}

interface Item {
  metadata: { name: string; annotations?: Record<string, string>; labels?: Record<string, string> };
  data?: Record<string, string>;
  status: Record<string, unknown>;
}
const list = async (kind: string, options: { group?: string; namespace?: string } = {}) => {
  const { group = 'api/v1', namespace = NAMESPACE } = options;
  const answer = await cluster.request(`/${group}/namespaces/${namespace}/${kind}`, { as: 'admin' });
  return answer.json<{ items: Item[] }>().items;
};
const names = async (kind: string, options?: Parameters<typeof list>[1]) =>
  (await list(kind, options)).map(item => item.metadata.name);
const deployments = { group: 'apis/apps/v1' };
const works = async (options?: Parameters<TestCluster['forward']>[0]) => {
  const tunnel = await forward(options);
  tunnel.send(0, 'x');
  await tunnel.until(() => tunnel.text(0) === 'x');
  return tunnel;
};

test('a deleted pod ends its tunnels after the linger; its replacement takes over', async () => {
  const old = cluster.pod();
  const tunnel = await works();
  cluster.kube.control.deletePod(old);
  const start = Date.now();
  assert.equal(await tunnel.closed, 1000);
  assert.ok(Date.now() - start > 1000);
  await assert.rejects(forward({ pod: old }), /404/);
  await eventually(() => cluster.kube.control.pods('research-agent').every(pod => pod.ready));
  assert.notEqual(cluster.pod(), old);
  await works();
});

test('a new pod listens only when it has started, and is Ready later', async () => {
  cluster.kube.control.setReadyDelay(2000);
  cluster.kube.control.deletePod(cluster.pod());
  const early = await forward();
  assert.equal(await early.closed, 1000);
  assert.match(early.text(1), /connection refused/);
  await eventually(() => cluster.kube.control.pods('research-agent').some(pod => pod.ready && !pod.terminating));
  await works();
});

test('readiness fails and passes, and the Deployment says so', async () => {
  const status = async () =>
    (await list('deployments', deployments)).find(each => each.metadata.name === 'research-agent');
  cluster.kube.control.setReady('research-agent', false);
  assert.equal((await status())?.status.availableReplicas, undefined);
  assert.equal((await status())?.status.unavailableReplicas, 1);
  assert.equal(cluster.kube.control.pods('research-agent').find(pod => !pod.terminating)?.ready, false);
  await works(); // a pod that is not Ready can still be forwarded to
  cluster.kube.control.setReady('research-agent', true);
  assert.equal((await status())?.status.availableReplicas, 1);
});

test('scale and rollout', async () => {
  cluster.kube.control.scale('research-agent', 3);
  await eventually(() => cluster.kube.control.pods('research-agent').filter(pod => pod.ready).length === 3);
  const before = cluster.kube.control.pods('research-agent').map(pod => pod.name);
  cluster.kube.control.rollout('research-agent');
  await eventually(() => {
    const now = cluster.kube.control.pods('research-agent');
    return now.length === 3 && now.every(pod => pod.ready && !before.includes(pod.name));
  });
  cluster.kube.control.scale('research-agent', 0);
  await eventually(() => cluster.kube.control.pods('research-agent').length === 0);
  assert.equal((await names('replicasets', deployments)).filter(name => name.startsWith('research-agent')).length, 2);
});

test('connections can be reset: all of them, or the tunnels only', async () => {
  const tunnel = await works();
  cluster.kube.control.cutTunnels();
  assert.equal(await tunnel.closed, 1006);
  const another = await works();
  cluster.kube.control.cutConnections();
  assert.equal(await another.closed, 1006);
  await works();
});

test('the API server goes away, and comes back on the same port', async () => {
  const tunnel = await works();
  await cluster.kube.control.goAway();
  assert.equal(await tunnel.closed, 1006);
  await assert.rejects(cluster.request('/version'), /ECONNREFUSED/);
  await cluster.kube.control.back();
  await works();
});

test('a frozen tunnel passes nothing and answers no ping, until it thaws', async () => {
  const tunnel = await works();
  let pongs = 0;
  tunnel.socket.on('pong', () => pongs++);
  cluster.kube.control.freezeTunnels(true);
  tunnel.send(0, 'y');
  tunnel.socket.ping();
  await new Promise(resolve => setTimeout(resolve, 300));
  assert.deepEqual([tunnel.text(0), pongs], ['x', 0]);
  cluster.kube.control.freezeTunnels(false);
  await tunnel.until(() => tunnel.text(0) === 'xy');
  await eventually(() => pongs === 1);
});

test('objects can be changed: annotations, ConfigMaps, whole manifests', async () => {
  const { control } = cluster.kube;
  control.annotate('Deployment', 'research-agent', { 'agent-id.dev/agent-identity': null, other: 'x' });
  const changed = (await list('deployments', deployments)).find(each => each.metadata.name === 'research-agent');
  assert.deepEqual(changed?.metadata.annotations, { other: 'x', 'deployment.kubernetes.io/revision': '1' });
  control.setConfigMap('agent-id-client', { LLM_DEPLOYMENTS: 'a,b', LLM_API_VERSION: null });
  const client = (await list('configmaps')).find(each => each.metadata.name === 'agent-id-client');
  assert.deepEqual([client?.data?.LLM_DEPLOYMENTS, client?.data?.LLM_API_VERSION], ['a,b', undefined]);
  control.apply('{apiVersion: v1, kind: ConfigMap, metadata: {name: new}, data: {a: "${A}"}}', { A: 'b' });
  assert.ok((await names('configmaps')).includes('new'));
  control.remove('ConfigMap', 'new');
  assert.ok(!(await names('configmaps')).includes('new'));
  assert.throws(() => control.remove('ConfigMap', 'new'), /no ConfigMap new/);
  assert.throws(() => control.deletePod('nope'), /no pod nope/);
  assert.throws(() => control.scale('nope', 1), /no Deployment nope/);
  assert.throws(() => control.annotate('Nope', 'x', {}), /does not serve the kind Nope/);
});

test('fixtures for discovery: how many agents, and what they say about themselves', async () => {
  const { control } = cluster.kube;
  const agents = async () => (await names('deployments', deployments)).filter(name => name !== 'agentgateway');
  control.fixture('none');
  assert.deepEqual(await agents(), []);
  control.fixture('one');
  assert.deepEqual(await agents(), ['research-agent']);
  control.fixture('many');
  assert.deepEqual(await agents(), ['agent-1', 'agent-2', 'agent-3', 'intern-agent', 'research-agent']);
  assert.ok(control.pods('agent-1').every(pod => pod.ready));
  await works({ pod: control.pods('agent-1')[0]?.name ?? '' });
  control.fixture('unannotated');
  for (const each of await list('deployments', deployments))
    assert.equal(each.metadata.annotations?.['agent-id.dev/agent-identity'], undefined);
  control.fixture('noBlueprint');
  const account = (await list('serviceaccounts')).find(each => each.metadata.name === 'agent-blueprint');
  assert.deepEqual(account?.metadata.annotations, {});
});

test('fixtures for discovery: two blueprints, one that differs, and agents that are read with the least Role', async () => {
  const { control } = cluster.kube;
  const client = async (name: string) =>
    (await list('configmaps')).find(each => each.metadata.name === name)?.data?.AzureAd__ClientId;
  control.fixture('secondBlueprint');
  const accounts = (await list('serviceaccounts')).filter(each => each.metadata.name.endsWith('-blueprint'));
  const blueprints = accounts.map(each => each.metadata.annotations?.['azure.workload.identity/client-id']);
  assert.equal(new Set(blueprints).size, 2);
  assert.equal(await client('other-sidecar'), blueprints[1]);
  const path = `/api/v1/namespaces/${NAMESPACE}`;
  assert.equal((await cluster.request(`${path}/configmaps/other-sidecar`)).status, 200);
  assert.equal((await cluster.request(`${path}/serviceaccounts/other-blueprint`)).status, 200);
  control.fixture('otherClientId');
  assert.notEqual(await client('agent-id-sidecar'), VALUES.BLUEPRINT_APP_ID);
});

test("fixture: the terminal client's own deployment, with none of our names", async () => {
  cluster.kube.control.fixture('reference');
  const namespace = 'entra-demo';
  assert.deepEqual(await names('deployments', deployments), ['agentgateway']);
  const found = await list('deployments', { ...deployments, namespace });
  assert.deepEqual(
    found.map(each => [each.metadata.name, each.metadata.labels]),
    [
      ['agentgateway', undefined],
      ['ai-agent-cli', { app: 'ai-agent-cli' }],
    ],
  );
  const config = (await list('configmaps', { namespace })).find(each => each.metadata.name === 'ai-agent-cli-config');
  assert.equal(config?.data?.AGENT_IDENTITY_APP_ID, VALUES.RESEARCH_AGENT_APP_ID);
  const pods = await cluster.request(`/api/v1/namespaces/${namespace}/pods?labelSelector=app=ai-agent-cli`);
  const [pod] = pods.json<{ items: Item[] }>().items; // as the developer: whoever deployed it may read it
  const statuses = pod?.status.containerStatuses as { name: string; ready: boolean }[];
  assert.deepEqual(
    statuses.map(each => [each.name, each.ready]),
    [
      ['app', true],
      ['sidecar', true],
    ],
  );
  assert.ok(pod?.metadata.name);
});

test('reset undoes everything', async () => {
  const { control } = cluster.kube;
  control.fixture('reference');
  control.fixture('none');
  control.deny({ verb: '*', resource: '*' });
  control.refuseUpgrades(true);
  control.setReady('agentgateway', false);
  control.setListening('agentgateway', false);
  control.expireToken();
  await control.goAway();
  await control.reset();
  assert.deepEqual(await names('deployments', deployments), ['agentgateway', 'intern-agent', 'research-agent']);
  assert.deepEqual((await names('namespaces', {})).includes('entra-demo'), false);
  for (const name of ['agentgateway', 'intern-agent', 'research-agent']) {
    await eventually(() => control.pods(name).length === 1);
    assert.ok(control.pods(name).every(pod => pod.ready));
  }
  await works();
});
