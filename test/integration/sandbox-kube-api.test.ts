import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { stat } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import { DEVELOPER, eventually, GATEWAY_FILE, NAMESPACE, TestCluster } from '../unit/sandbox-kube/support.ts';

let cluster: TestCluster;
before(async () => void (cluster = await TestCluster.start()));
after(() => cluster.stop());

interface List {
  kind: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: { metadata: { name: string; namespace: string } }[];
}
const pods = `/api/v1/namespaces/${NAMESPACE}/pods`;
const namesOf = (list: List) => list.items.map(item => item.metadata.name);
const message = async (path: string, options?: Parameters<TestCluster['request']>[1]) => {
  const answer = await cluster.request(path, options);
  const { kind, message, reason, code, details } = answer.json();
  assert.equal(kind, 'Status');
  assert.equal(code, answer.status);
  return { code, reason, message, details };
};

test('the version names the sandbox; discovery lists what is served', async () => {
  assert.match(String((await cluster.request('/version')).json().gitVersion), /^v1\.35\.\d+\+agent-id\.sandbox$/);
  assert.deepEqual((await cluster.request('/api')).json().versions, ['v1']);
  const groups = (await cluster.request('/apis')).json<{ groups: { name: string }[] }>().groups;
  assert.deepEqual(
    groups.map(group => group.name),
    ['apps', 'authorization.k8s.io', 'networking.k8s.io', 'rbac.authorization.k8s.io'],
  );
  const { resources } = (await cluster.request('/api/v1')).json<{ resources: { name: string; verbs: string[] }[] }>();
  const verbs = Object.fromEntries(resources.map(({ name, verbs }) => [name, verbs.join()]));
  assert.equal(verbs['pods/portforward'], 'create,get');
  assert.equal(verbs.configmaps, 'get,list,watch');
  assert.equal((await cluster.request('/apis/apps/v1')).json().groupVersion, 'apps/v1');
  assert.equal((await cluster.request('/apis/apps')).json().kind, 'APIGroup');
});

test('what is served is what the manifests say', async () => {
  const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
  const list = (await cluster.request(`${path}?labelSelector=app.kubernetes.io/component=agent`)).json<List>();
  assert.equal(list.kind, 'DeploymentList');
  assert.deepEqual(namesOf(list), ['intern-agent', 'research-agent']);
  const one = await cluster.request(`${path}/research-agent`);
  const status = one.json<{ status: Record<string, unknown> }>().status;
  assert.deepEqual([status.readyReplicas, status.availableReplicas, status.observedGeneration], [1, 1, 1]);
  const config = await cluster.request(`/api/v1/namespaces/${NAMESPACE}/configmaps/agentgateway-config`);
  assert.equal(config.json<{ data: Record<string, string> }>().data['config.yaml'], GATEWAY_FILE);
  const service = await cluster.request(`/api/v1/namespaces/${NAMESPACE}/services/agentgateway`);
  assert.match(service.json<{ spec: { clusterIP: string } }>().spec.clusterIP, /^10\.96\./);
});

test('pods belong to the ReplicaSet of their Deployment and are Ready', async () => {
  const name = cluster.pod();
  assert.match(name, /^research-agent-[b-z2-9]{10}-[b-z2-9]{5}$/);
  const pod = (await cluster.request(`${pods}/${name}`)).json<{
    metadata: { labels: Record<string, string>; ownerReferences: { kind: string; name: string; uid: string }[] };
    status: { phase: string; podIP: string; conditions: { type: string; status: string }[] };
    spec: { serviceAccountName: string };
  }>();
  const [owner] = pod.metadata.ownerReferences;
  assert.equal(owner?.kind, 'ReplicaSet');
  assert.equal(`research-agent-${pod.metadata.labels['pod-template-hash']}`, owner.name);
  const path = `/apis/apps/v1/namespaces/${NAMESPACE}/replicasets/${owner.name}`;
  const set = (await cluster.request(path, { as: 'admin' })).json<{ metadata: { uid: string } }>();
  assert.equal(set.metadata.uid, owner.uid);
  assert.equal(pod.status.phase, 'Running');
  assert.equal(pod.status.conditions.find(each => each.type === 'Ready')?.status, 'True');
  assert.match(pod.status.podIP, /^10\.244\./);
  assert.equal(pod.spec.serviceAccountName, 'agent-blueprint');
});

test('lists come in pages that show one moment, and an old page is gone after a compaction', async () => {
  const first = (await cluster.request(`${pods}?limit=1`)).json<List>();
  assert.equal(first.metadata.remainingItemCount, 2);
  cluster.kube.control.scale('intern-agent', 2); // not to be seen by the list that has begun
  const next = (await cluster.request(`${pods}?limit=5&continue=${first.metadata.continue}`)).json<List>();
  assert.equal(next.metadata.resourceVersion, first.metadata.resourceVersion);
  assert.equal(next.metadata.continue, undefined);
  assert.deepEqual(
    [...namesOf(first), ...namesOf(next)].map(name => name.replace(/(-[b-z2-9]+){2}$/, '')),
    ['agentgateway', 'intern-agent', 'research-agent'],
  );
  cluster.kube.control.compact();
  const gone = await message(`${pods}?limit=5&continue=${first.metadata.continue}`);
  assert.deepEqual([gone.code, gone.reason], [410, 'Expired']);
  cluster.kube.control.scale('intern-agent', 1);
  await eventually(() => cluster.kube.control.pods('intern-agent').length === 1);
});

test('a list of the future is a 504; parameters that are none are a 400', async () => {
  const late = await message(`${pods}?resourceVersion=999999999`);
  assert.deepEqual([late.code, late.reason], [504, 'Timeout']);
  for (const query of ['resourceVersion=x', 'labelSelector==x', 'fieldSelector=spec.foo=1', 'limit=x', 'continue=x'])
    assert.ok([400, 410].includes(Number((await message(`${pods}?${query}`)).code)), query);
});

test('kubectl gets tables, and metadata with each row', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
  const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/research-agent`;
  const table = (await cluster.request(path, { headers: { accept } })).json<{
    kind: string;
    columnDefinitions: { name: string }[];
    rows: { cells: unknown[]; object: { metadata: { name: string } } }[];
  }>();
  assert.equal(table.kind, 'Table');
  assert.deepEqual(
    table.columnDefinitions.slice(0, 4).map(column => column.name),
    ['Name', 'Ready', 'Up-to-date', 'Available'],
  );
  assert.deepEqual(table.rows[0]?.cells.slice(0, 4), ['research-agent', '1/1', 1, 1]);
  assert.equal(table.rows[0]?.object.metadata.name, 'research-agent');
  const refused = await message(pods, { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
  assert.equal(refused.code, 406);
});

test('401 for a token that is not valid; 403 for nobody', async () => {
  const wrong = await cluster.request('/api', { as: 'nobody', headers: { authorization: 'Bearer nope' } });
  assert.equal(wrong.status, 401);
  assert.deepEqual(wrong.json(), {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Unauthorized',
    reason: 'Unauthorized',
    code: 401,
  });
  const nobody = await message('/api', { as: 'nobody' });
  assert.equal(nobody.message, 'forbidden: User "system:anonymous" cannot get path "/api"');
  assert.equal((await cluster.request('/version', { as: 'nobody' })).status, 200);
});

test('403 names user, verb, resource, group and place, as the API server words it', async () => {
  assert.deepEqual(await message(`/api/v1/namespaces/${NAMESPACE}/secrets`), {
    code: 403,
    reason: 'Forbidden',
    message: `secrets is forbidden: User "${DEVELOPER}" cannot list resource "secrets" in API group "" in the namespace "${NAMESPACE}"`,
    details: { kind: 'secrets' },
  });
  assert.deepEqual(await message('/apis/apps/v1/deployments'), {
    code: 403,
    reason: 'Forbidden',
    message: `deployments.apps is forbidden: User "${DEVELOPER}" cannot list resource "deployments" in API group "apps" at the cluster scope`,
    details: { kind: 'deployments', group: 'apps' },
  });
  const log = await message(`${cluster.podPath()}/log`);
  assert.match(String(log.message), /^pods "research-agent-.*" is forbidden: .* cannot get resource "pods\/log" in/);
});

test('the Role lets the developer read named ConfigMaps only', async () => {
  const configMaps = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
  assert.equal((await cluster.request(`${configMaps}/agent-id-client`)).status, 200);
  assert.equal((await cluster.request(`${configMaps}/kube-root-ca.crt`)).status, 403);
  assert.equal((await cluster.request(configMaps)).status, 403);
  assert.equal((await cluster.request(configMaps, { as: 'admin' })).status, 200);
  assert.equal((await cluster.request('/api/v1/namespaces')).status, 200);
});

test('404 for what is not there, 405 for what can not be done', async () => {
  assert.deepEqual(await message(`${pods}/nope`), {
    code: 404,
    reason: 'NotFound',
    message: 'pods "nope" not found',
    details: { name: 'nope', kind: 'pods' },
  });
  const deployment = await message(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/nope`);
  assert.equal(deployment.message, 'deployments.apps "nope" not found');
  const unknown = await message('/api/v1/foos', { as: 'admin' });
  assert.deepEqual([unknown.code, unknown.message], [404, 'the server could not find the requested resource']);
  const path = await cluster.request('/apis/nope/v1', { as: 'admin' });
  assert.deepEqual([path.status, path.text], [404, '404 page not found\n']);
  const put = await message(`${pods}/${cluster.pod()}`, { method: 'PUT', as: 'admin', body: {} });
  assert.deepEqual([put.code, put.reason], [405, 'MethodNotAllowed']);
  const secrets = await cluster.request(`/api/v1/namespaces/${NAMESPACE}/secrets`, { as: 'admin' });
  assert.deepEqual(secrets.json<List>().items, []);
});

test('deleting a pod with another UID is a 409; with its own it goes and is replaced', async () => {
  const name = cluster.pod('intern-agent');
  const path = `${pods}/${name}`;
  const conflict = await message(path, { method: 'DELETE', as: 'admin', body: { preconditions: { uid: 'x' } } });
  assert.deepEqual([conflict.code, conflict.reason], [409, 'Conflict']);
  assert.equal((await message(path, { method: 'DELETE' })).code, 403);
  const deleted = await cluster.request(path, { method: 'DELETE', as: 'admin' });
  assert.ok(deleted.json<{ metadata: { deletionTimestamp?: string } }>().metadata.deletionTimestamp);
  assert.notEqual(cluster.pod('intern-agent'), name);
  await eventually(async () => (await cluster.request(path)).status === 404);
  await eventually(() => cluster.kube.control.pods('intern-agent')[0]?.ready === true);
});

test('access reviews answer for the caller, with the reason of RBAC', async () => {
  const review = async (resourceAttributes: object) => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const answer = await cluster.request(path, { method: 'POST', body: { spec: { resourceAttributes } } });
    assert.equal(answer.status, 201);
    return answer.json<{ status: { allowed: boolean; reason?: string } }>().status;
  };
  const forward = { namespace: NAMESPACE, verb: 'create', resource: 'pods', subresource: 'portforward' };
  assert.deepEqual(await review(forward), {
    allowed: true,
    reason: `RBAC: allowed by RoleBinding "agent-id-user/agent-id" of Role "agent-id-user" to User "${DEVELOPER}"`,
  });
  cluster.kube.control.deny({ verb: 'create', resource: 'pods', subresource: 'portforward' });
  assert.deepEqual(await review(forward), { allowed: false });
  cluster.kube.control.allowAll();
  assert.deepEqual(await review({ ...forward, namespace: 'default' }), { allowed: false });
  const bad = await message('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { method: 'POST', body: [] });
  assert.equal(bad.code, 400);
});

test('a rules review lists what the Role gives', async () => {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
  const answer = await cluster.request(path, { method: 'POST', body: { spec: { namespace: NAMESPACE } } });
  const { status } = answer.json<{ status: { resourceRules: { resources: string[]; verbs: string[] }[] } }>();
  const forward = status.resourceRules.find(rule => rule.resources.includes('pods/portforward'));
  assert.deepEqual(forward?.verbs, ['get', 'create']);
});

test('logs are served with tail and times, and followed', async () => {
  cluster.kube.control.log('research-agent', 'one');
  cluster.kube.control.log('research-agent', 'two');
  const log = `${cluster.podPath()}/log`;
  assert.equal((await cluster.request(`${log}?tailLines=2`, { as: 'admin' })).text, 'one\ntwo\n');
  const timed = await cluster.request(`${log}?tailLines=1&timestamps=true&container=sidecar`, { as: 'admin' });
  assert.match(timed.text, /^\d{4}-\d\d-\d\dT[\d:.]+Z two\n$/);
  const wrong = await message(`${log}?container=nope`, { as: 'admin' });
  assert.equal(wrong.message, `container nope is not valid for pod ${cluster.pod()}`);
  const following = cluster.request(`${log}?tailLines=0&follow=true`, { as: 'admin' });
  await new Promise(resolve => setTimeout(resolve, 100));
  cluster.kube.control.log('research-agent', 'three');
  cluster.kube.control.deletePod(cluster.pod());
  assert.equal((await following).text, 'three\n');
  await eventually(() => cluster.kube.control.pods('research-agent').every(pod => pod.ready));
});

test('the kubeconfig is private, and its token can expire and be renewed', async () => {
  assert.equal((await stat(cluster.kube.kubeconfig)).mode & 0o777, 0o600);
  const { token } = await cluster.credentials();
  cluster.kube.control.expireToken();
  assert.equal((await cluster.request(pods)).status, 401);
  assert.equal((await cluster.request(pods, { as: 'admin' })).status, 200);
  await cluster.kube.control.renewToken();
  assert.notEqual((await cluster.credentials()).token, token);
  assert.equal((await cluster.request(pods)).status, 200);
});

test('HTTP/2 is offered first, as by a Go server, and serves the same', async () => {
  const session = connect(cluster.kube.origin, { ca: cluster.caPem });
  const { token } = await cluster.credentials();
  const request = session.request({ ':path': '/version', authorization: `Bearer ${token}` });
  let text = '';
  for await (const chunk of request) text += String(chunk);
  assert.match(text, /sandbox/);
  session.close();
  const socket = tlsConnect({
    host: '127.0.0.1',
    port: Number(new URL(cluster.kube.origin).port),
    ca: cluster.caPem,
    ALPNProtocols: ['h2', 'http/1.1'],
  });
  await new Promise(resolve => socket.once('secureConnect', resolve));
  assert.equal(socket.alpnProtocol, 'h2');
  socket.destroy();
});
