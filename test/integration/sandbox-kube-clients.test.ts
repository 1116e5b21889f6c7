import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import * as k8s from '@kubernetes/client-node';
import { echo, eventually, NAMESPACE, TestCluster, VALUES } from '../unit/sandbox-kube/support.ts';

// A client library that others wrote for the real API server, used as its documentation says.

let cluster: TestCluster;
let config: k8s.KubeConfig;
before(async () => {
  cluster = await TestCluster.start(echo);
  config = new k8s.KubeConfig();
  config.loadFromFile(cluster.kube.kubeconfig);
});
after(() => cluster.stop());

test('the kubeconfig has two contexts, with the namespace', () => {
  assert.equal(config.getCurrentContext(), cluster.kube.context);
  assert.deepEqual(
    config.getContexts().map(context => [context.name, context.namespace]),
    [
      [cluster.kube.context, NAMESPACE],
      [cluster.kube.adminContext, NAMESPACE],
    ],
  );
});

test('typed clients list and read', async () => {
  const core = config.makeApiClient(k8s.CoreV1Api);
  const apps = config.makeApiClient(k8s.AppsV1Api);
  const { items } = await apps.listNamespacedDeployment({
    namespace: NAMESPACE,
    labelSelector: 'app.kubernetes.io/component=agent',
  });
  const identities = items.map(each => each.metadata?.annotations?.['agent-id.dev/agent-identity']);
  assert.deepEqual(identities, [VALUES.INTERN_AGENT_APP_ID, VALUES.RESEARCH_AGENT_APP_ID]);
  assert.equal(items[0]?.status?.readyReplicas, 1);
  const pod = await core.readNamespacedPod({ namespace: NAMESPACE, name: cluster.pod() });
  assert.ok(pod.metadata?.creationTimestamp instanceof Date);
  assert.equal(pod.spec?.containers[0]?.ports?.[0]?.containerPort, 5000);
  await assert.rejects(core.listNamespacedSecret({ namespace: NAMESPACE }), (error: unknown) => {
    assert.ok(error instanceof k8s.ApiException);
    assert.equal(error.code, 403);
    return true;
  });
  const review = await config.makeApiClient(k8s.AuthorizationV1Api).createSelfSubjectAccessReview({
    body: {
      spec: {
        resourceAttributes: { namespace: NAMESPACE, verb: 'create', resource: 'pods', subresource: 'portforward' },
      },
    },
  });
  assert.equal(review.status?.allowed, true);
});

test('the second context authenticates by client certificate', async () => {
  const admin = new k8s.KubeConfig();
  admin.loadFromFile(cluster.kube.kubeconfig);
  admin.setCurrentContext(cluster.kube.adminContext);
  const { items } = await admin.makeApiClient(k8s.CoreV1Api).listConfigMapForAllNamespaces();
  assert.ok(items.some(each => each.metadata?.name === 'kube-root-ca.crt'));
});

test('a watch follows a rollout', async () => {
  const seen: string[] = [];
  const watch = new k8s.Watch(config);
  const stop = await watch.watch(
    `/api/v1/namespaces/${NAMESPACE}/pods`,
    { labelSelector: 'app.kubernetes.io/name=intern-agent' },
    type => void seen.push(type),
    () => {},
  );
  await eventually(() => seen.length === 1);
  cluster.kube.control.rollout('intern-agent');
  await eventually(() => seen.includes('DELETED'));
  assert.deepEqual(seen.slice(0, 4), ['ADDED', 'ADDED', 'MODIFIED', 'MODIFIED']);
  stop.abort();
});

test('an informer keeps its cache through a compaction and an interruption', async () => {
  const core = config.makeApiClient(k8s.CoreV1Api);
  const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const informer = k8s.makeInformer(config, path, () => core.listNamespacedPod({ namespace: NAMESPACE }));
  let stopped = false;
  informer.on('error', () => {
    if (!stopped) setTimeout(() => void informer.start(), 50);
  });
  await informer.start();
  cluster.kube.control.compact();
  cluster.kube.control.endWatches();
  cluster.kube.control.cutConnections();
  const old = cluster.pod();
  cluster.kube.control.deletePod(old);
  await eventually(() => {
    const cached = informer.list().map(each => each.metadata?.name);
    return cached.includes(cluster.pod()) && !cached.includes(old);
  });
  stopped = true;
  await informer.stop();
});

test('logs are streamed', async () => {
  const admin = new k8s.KubeConfig();
  admin.loadFromFile(cluster.kube.kubeconfig);
  admin.setCurrentContext(cluster.kube.adminContext);
  await eventually(() => cluster.kube.control.pods('research-agent').every(pod => pod.ready));
  cluster.kube.control.log('research-agent', 'a line of the sidecar');
  const output = new PassThrough();
  await new k8s.Log(admin).log(NAMESPACE, cluster.pod(), 'sidecar', output, { tailLines: 1 });
  const [chunk] = (await once(output, 'data')) as [Buffer];
  assert.equal(chunk.toString(), 'a line of the sidecar\n');
});

test('its PortForward behind a local listener, as in its example', async () => {
  const forward = new k8s.PortForward(config);
  const server = createServer(socket => {
    void forward.portForward(NAMESPACE, cluster.pod(), [5000], socket, null, socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  const client = connect(address.port, '127.0.0.1');
  let heard = '';
  client.on('data', chunk => (heard += String(chunk)));
  client.write('through the tunnel');
  await eventually(() => heard === 'through the tunnel');
  client.destroy();
  server.close();
  await eventually(() => cluster.kube.control.tunnels() === 0);
});
