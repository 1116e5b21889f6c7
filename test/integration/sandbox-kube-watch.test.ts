import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { eventually, NAMESPACE, TestCluster } from '../unit/sandbox-kube/support.ts';

let cluster: TestCluster;
before(async () => void (cluster = await TestCluster.start()));
after(() => cluster.stop());

interface Event {
  type: string;
  object: {
    kind: string;
    code?: number;
    reason?: string;
    rows?: unknown[];
    metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
  };
}

/** A running watch: what it has reported, and when it is over. */
async function watch(query: string, headers: Record<string, string> = {}) {
  const { token } = await cluster.credentials();
  const events: Event[] = [];
  const url = `${cluster.kube.origin}/api/v1/namespaces/${NAMESPACE}/pods?watch=true&${query}`;
  const options = { ca: cluster.caPem, agent: false, headers: { authorization: `Bearer ${token}`, ...headers } };
  const request = httpsRequest(url, options);
  request.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
  response.on('error', () => {}); // a connection that was cut, or given up
  const lines = createInterface({ input: response });
  lines.on('error', () => {});
  lines.on('line', line => events.push(JSON.parse(line) as Event));
  const over = new Promise<void>(resolve => response.on('close', () => resolve()));
  return { events, over, status: response.statusCode, abort: () => request.destroy() };
}

const version = async () => {
  const answer = await cluster.request(`/api/v1/namespaces/${NAMESPACE}/pods`);
  return answer.json<{ metadata: { resourceVersion: string } }>().metadata.resourceVersion;
};
const summary = (events: Event[]) => events.map(({ type, object }) => `${type} ${object.metadata.name.split('-')[0]}`);

test('a watch without a version starts with what is there', async () => {
  const { events, abort, status } = await watch('');
  assert.equal(status, 200);
  await eventually(() => events.length === 3);
  assert.deepEqual(summary(events), ['ADDED agentgateway', 'ADDED intern', 'ADDED research']);
  abort();
});

test('a watch from a version reports each change after it, also those before it was opened', async () => {
  const from = await version();
  const old = cluster.pod();
  cluster.kube.control.deletePod(old);
  const { events, abort } = await watch(`resourceVersion=${from}`);
  await eventually(() => cluster.kube.control.pods('research-agent').every(pod => pod.ready && pod.name !== old));
  await eventually(() => events.some(event => event.type === 'DELETED' && event.object.metadata.name === old));
  const replacement = () => events.filter(each => each.object.metadata.name === cluster.pod()).map(each => each.type);
  await eventually(() => replacement().length === 3);
  assert.deepEqual(replacement(), ['ADDED', 'MODIFIED', 'MODIFIED']); // Pending, Running, Ready
  const versions = events.map(event => Number(event.object.metadata.resourceVersion));
  assert.deepEqual(
    versions,
    [...versions].sort((a, b) => a - b),
  );
  abort();
});

test('an object that stops matching the selector is deleted for the watcher, and added when it matches again', async () => {
  const query = `resourceVersion=${await version()}&labelSelector=mood=good`;
  const { events, abort } = await watch(query);
  const annotated = (labels: string) =>
    cluster.kube.control.apply(`{apiVersion: v1, kind: Pod, metadata: {name: x, labels: {mood: ${labels}}}}`);
  for (const mood of ['good', 'bad', 'good']) annotated(mood);
  cluster.kube.control.remove('Pod', 'x');
  await eventually(() => events.length === 4);
  assert.deepEqual(
    events.map(event => event.type),
    ['ADDED', 'DELETED', 'ADDED', 'DELETED'],
  );
  abort();
});

test('a version that is compacted away is a 410 inside the stream, which then ends', async () => {
  const from = await version();
  cluster.kube.control.compact();
  const { events, over, status } = await watch(`resourceVersion=${from}`);
  await over;
  assert.equal(status, 200);
  assert.equal(events.length, 1);
  assert.deepEqual(
    [events[0]?.type, events[0]?.object.kind, events[0]?.object.code, events[0]?.object.reason],
    ['ERROR', 'Status', 410, 'Expired'],
  );
});

test('a bookmark tells the version when the time is up', async () => {
  const { events, over } = await watch(`resourceVersion=${await version()}&timeoutSeconds=1&allowWatchBookmarks=true`);
  await over;
  assert.deepEqual(
    events.map(event => [event.type, event.object.kind, event.object.metadata.resourceVersion]),
    [['BOOKMARK', 'Pod', await version()]],
  );
});

test('sendInitialEvents ends its list with a marked bookmark', async () => {
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const { events, abort } = await watch(query);
  await eventually(() => events.length === 4);
  assert.equal(events[3]?.type, 'BOOKMARK');
  assert.equal(events[3].object.metadata.annotations?.['k8s.io/initial-events-end'], 'true');
  abort();
  assert.equal((await watch('sendInitialEvents=true')).status, 400);
});

test('a watch in tables, as kubectl get --watch asks for it', async () => {
  const { events, abort } = await watch('', { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  await eventually(() => events.length === 3);
  assert.deepEqual(
    events.map(event => [event.type, event.object.kind, event.object.rows?.length]),
    [
      ['ADDED', 'Table', 1],
      ['ADDED', 'Table', 1],
      ['ADDED', 'Table', 1],
    ],
  );
  abort();
});

test('watches end cleanly on demand, and with the connection', async () => {
  const one = await watch('');
  cluster.kube.control.endWatches();
  await one.over;
  const two = await watch('');
  cluster.kube.control.cutConnections();
  await two.over;
});
