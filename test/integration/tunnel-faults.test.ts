import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { KubeApi } from '../../src/cluster/kubeApi.ts';
import { loadKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { openTunnel, type Tunnel } from '../../src/cluster/tunnel.ts';
import { startSandbox, type TestSandbox } from './support/sandbox.ts';
import { until } from '../support/until.ts';

/*
 * Faults of the cluster under a tunnel in use. In the pod is a server of the test's own, so that what arrived can be
 * counted: nothing may be lost that could be kept, and nothing may be done twice that must not be.
 */

const AGENT = 'research-agent';
const URL_BASE = 'http://sidecar.invalid';
const MIB = 1024 * 1024;
/** Promised from the moment in which the cluster is whole again. */
const RECOVERY_MS = 5_000;

let sandbox: TestSandbox;
let pod: Server;
let api: KubeApi;
let tunnel: Tunnel;
/** `METHOD /path` of everything that arrived in the pod. */
let arrived: string[];
/** Answers that wait until `release`. */
let held: ServerResponse[];
const sockets = new Set<Socket>();

before(async () => {
  sandbox = await startSandbox();
  pod = createServer({ keepAliveTimeout: 0 }, (request, response) => serve(request, response));
  pod.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>(resolve => pod.listen(0, '127.0.0.1', resolve));
});
beforeEach(async () => {
  arrived = [];
  held = [];
  await kube('setReadyDelay', 200);
  await kube('setBackend', AGENT, 5000, `127.0.0.1:${(pod.address() as AddressInfo).port}`);
  const kubeconfig = await loadKubeconfig({ path: sandbox.json.kubeconfig, logger: silentLogger });
  api = await kubeconfig.connect(sandbox.json.context);
  tunnel = await openTunnel({
    api,
    name: 'sidecar',
    namespace: sandbox.json.namespace,
    selector: { 'app.kubernetes.io/name': AGENT },
    port: 5000,
    connections: 8,
    logger: silentLogger,
  });
  assert.equal(await ask(), 'ok');
  await ready();
});
afterEach(async () => {
  release();
  await tunnel.close();
  await api.close();
  await until(async () => (await kube<number>('tunnels')) === 0, 'every tunnel closed');
  await until(() => sockets.size === 0, 'every connection in the pod closed');
  await sandbox.control('/reset', {});
});
after(async () => {
  await new Promise<void>(resolve => pod.close(() => resolve()));
  await sandbox.stop();
});

function serve(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  arrived.push(`${request.method} ${path}`);
  if (path.startsWith('/held')) held.push(response);
  else if (path === '/stream')
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n');
  else if (path === '/large') sendLarge(response);
  else response.end('ok');
}

const LARGE = 200 * MIB;
function sendLarge(response: ServerResponse): void {
  const chunk = Buffer.alloc(256 * 1024, 'x');
  let left = LARGE / chunk.length;
  response.writeHead(200, { 'content-length': LARGE });
  const more = (): void => {
    while (left-- > 0) if (!response.write(chunk)) return void response.once('drain', more);
    response.end();
  };
  more();
}

const kube = <T = unknown>(call: string, ...args: unknown[]) => sandbox.kube<T>(call, ...args);

const ask = async (path = '/', init?: RequestInit) => (await tunnel.fetch(`${URL_BASE}${path}`, init)).text();
const post = (path: string) => ask(path, { method: 'POST', body: 'x' });
const ready = () => until(() => tunnel.state.kind === 'ready', 'ready');
const count = (line: string) => arrived.filter(each => each === line).length;
const release = () => held.splice(0).forEach(response => response.end('ok'));
/** The code of what it rejects with, or what it resolves with. */
const outcome = (work: Promise<string>) =>
  work.catch((error: unknown) => (AgentIdError.is(error) ? error.code : error));

/** How late this process has been since it began, in milliseconds: on a busy machine that is not the tunnel's. */
let late = 0;
let ticked = Date.now();
setInterval(() => {
  late += Math.max(0, Date.now() - ticked - 20);
  ticked = Date.now();
}, 20).unref();

/** `mend` makes the cluster whole again; from then on what is asked is answered, and the tunnel ready, within the time that is promised. */
async function recovers(mend: () => Promise<unknown>): Promise<void> {
  await mend();
  const [since, before] = [Date.now(), late];
  assert.equal(await ask(), 'ok');
  await ready();
  const took = Date.now() - since - (late - before);
  assert.ok(took < RECOVERY_MS, `ready after ${took} ms, without ${late - before} ms in which this process waited`);
}

/** A pod for the agent that is Ready. */
const newPod = () =>
  until(async () => {
    const pods = await kube<{ ready: boolean; terminating: boolean }[]>('pods', AGENT);
    return pods.some(each => each.ready && !each.terminating);
  }, 'a pod');

/** Starts a GET and a POST that the pod does not answer yet. */
async function twoUnderWay() {
  const work = { get: outcome(ask('/held')), post: outcome(post('/held')) };
  await until(() => held.length === 2, 'both in the pod');
  return work;
}

/** Starts a stream, and waits for its first event. */
async function openStream() {
  const response = await tunnel.fetch(`${URL_BASE}/stream`);
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body!.getReader();
  assert.match(Buffer.from((await reader.read()).value!).toString(), /first/);
  return { rest: outcome(reader.read().then(({ done }) => (done ? 'end' : 'more'))) };
}

test('a pod deleted in the middle of requests: what may be repeated is, once, what may not is named', async () => {
  const { get, post: posted } = await twoUnderWay();
  await kube('deletePod', tunnel.state.pod ?? '');
  await recovers(newPod);
  assert.equal(await posted, 'tunnel.unanswered');
  await until(() => count('GET /held') === 2, 'the GET in the new pod');
  release();
  assert.equal(await get, 'ok');
  assert.deepEqual([count('GET /held'), count('POST /held')], [2, 1]);
});

test('a pod deleted in the middle of a stream: the break is no end, and the next request finds the new pod', async () => {
  const { rest } = await openStream();
  const before = tunnel.state.pod;
  await kube('deletePod', before ?? '');
  await recovers(newPod);
  assert.equal(await rest, 'tunnel.interrupted');
  assert.notEqual(tunnel.state.pod, before);
  assert.equal(count('GET /stream'), 1);
});

test('all pods replaced at once under 64 parallel requests: every one is answered', async () => {
  await kube('scale', AGENT, 3);
  await until(
    async () => (await kube<{ ready: boolean }[]>('pods', AGENT)).filter(each => each.ready).length === 3,
    '3 pods',
  );
  const work = Promise.all(Array.from({ length: 64 }, (_each, index) => outcome(ask(`/?${index}`))));
  for (const { name } of await kube<{ name: string }[]>('pods', AGENT)) await kube('deletePod', name);
  await recovers(newPod);
  assert.deepEqual([...new Set(await work)], ['ok']);
});

test('64 parallel requests whose connections are all cut: nothing is lost, nothing comes twice that must not', async () => {
  const gets = Array.from({ length: 64 }, (_each, index) => outcome(ask(`/held?${index}`)));
  await until(() => held.length === 8, 'as many as there are connections');
  await kube('cutConnections');
  const end = Date.now() + 30_000;
  let open = true;
  const all = Promise.all(gets).finally(() => (open = false));
  while (open && Date.now() < end) {
    release();
    await sleep(20);
  }
  assert.deepEqual([...new Set(await all)], ['ok']);
  for (let index = 0; index < 64; index++) assert.ok(count(`GET /held?${index}`) <= 2, `request ${index}`);
});

test('the API server gone in the middle of requests and a stream, and back', async () => {
  const { rest } = await openStream();
  const { get, post: posted } = await twoUnderWay();
  await kube('goAway');
  assert.equal(await rest, 'tunnel.interrupted');
  assert.equal(await posted, 'tunnel.unanswered');
  await until(() => tunnel.state.error?.code === 'cluster.unreachable', 'the reason');
  assert.equal(tunnel.state.kind, 'reconnecting');
  held.length = 0;
  await sleep(3_000); // until the pauses between two attempts are about as long as they get
  await recovers(() => kube('back'));
  await until(() => count('GET /held') === 2, 'the GET again');
  release();
  assert.equal(await get, 'ok');
});

test('credentials of the API server that expire: what is open goes on, what is new waits for nobody and says why', async () => {
  const { get, post: posted } = await twoUnderWay();
  await kube('expireToken');
  release();
  assert.deepEqual(await Promise.all([get, posted]), ['ok', 'ok'], 'a tunnel that stands needs no credentials');
  await kube('cutTunnels');
  await until(() => tunnel.state.kind === 'failed', 'failed');
  assert.equal(tunnel.state.error?.code, 'cluster.unauthorized');
  assert.equal(await outcome(ask()), 'cluster.unauthorized');
  await recovers(() => kube('renewToken')); // as `az aks get-credentials` does: the file is read again
});

test('credentials that expire and are renewed before a request needs them cost nothing', async () => {
  await kube('expireToken');
  await kube('renewToken');
  await kube('cutTunnels');
  const answers = await Promise.all(Array.from({ length: 16 }, () => outcome(ask())));
  assert.deepEqual([...new Set(answers)], ['ok']);
});

test('an error of the runtime on the error channel is the reason, and the tunnel goes on', async () => {
  const { get, post: posted } = await twoUnderWay();
  for (const socket of sockets) socket.resetAndDestroy();
  held.length = 0;
  const failure = await posted;
  assert.equal(failure, 'tunnel.unanswered');
  await until(() => count('GET /held') === 2, 'the GET again');
  release();
  assert.equal(await get, 'ok');
  await kube('setListening', AGENT, false);
  await kube('cutTunnels');
  await until(() => tunnel.state.error?.code === 'tunnel.refused', 'the refusal as the reason');
  assert.match(String(tunnel.state.error?.args['reason']), /refused/);
  const waiting = outcome(post('/late'));
  await recovers(() => kube('setListening', AGENT, true));
  assert.equal(await waiting, 'ok');
  assert.equal(count('POST /late'), 1);
});

test('200 MiB for a slow reader arrive whole, and memory stays flat', async () => {
  const response = await tunnel.fetch(`${URL_BASE}/large`);
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body!.getReader();
  const use = () => {
    const { rss, arrayBuffers } = process.memoryUsage();
    return { rss: rss / MIB, arrayBuffers: arrayBuffers / MIB };
  };
  let received = (await reader.read()).value!.length;
  await sleep(1_000); // long enough for everything to be sent, if nothing held it back
  const stalled = use();
  let highest = stalled;
  for (let reads = 1; ; reads++) {
    const { done, value } = await reader.read();
    if (done) break;
    received += value.length;
    if (reads % 200 !== 0) continue;
    await sleep(15);
    const now = use();
    highest = { rss: Math.max(highest.rss, now.rss), arrayBuffers: Math.max(highest.arrayBuffers, now.arrayBuffers) };
  }
  assert.equal(received, LARGE);
  assert.ok(stalled.arrayBuffers < 64, `${stalled.arrayBuffers.toFixed()} MiB while nothing was read`);
  assert.ok(highest.arrayBuffers < 96, `${highest.arrayBuffers.toFixed()} MiB of buffers`);
  assert.ok(highest.rss - stalled.rss < 100, `${(highest.rss - stalled.rss).toFixed()} MiB more than at the start`);
});
