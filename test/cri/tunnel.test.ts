import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { HttpKubeApi } from '../../src/cluster/kubeApi.ts';
import { openTunnel, type Tunnel } from '../../src/cluster/tunnel.ts';
import { fixedCredentials } from '../unit/cluster/support/world.ts';
import { startContainerd, type Containerd } from './support/containerd.ts';
import { startFront } from './support/front.ts';
import { until } from '../support/until.ts';

const BASE = 'http://gateway.invalid';
const MIB = 1024 * 1024;

let containerd: Containerd;
let front: Awaited<ReturnType<typeof startFront>>;
let api: HttpKubeApi;
let tunnel: Tunnel;

before(async () => {
  containerd = await startContainerd();
  front = await startFront(containerd);
  await containerd.startApp();
});
after(async () => {
  await front?.close();
  await containerd?.stop();
});
const open = (port: number, heartbeat = 8_000) =>
  openTunnel({
    api,
    name: 'gateway',
    namespace: 'ns',
    selector: { app: 'pod' },
    port,
    connections: 16,
    logger: silentLogger,
    times: { heartbeat },
  });
beforeEach(async () => {
  api = new HttpKubeApi({ context: 'cri', server: front.origin, credentials: fixedCredentials('none') });
  tunnel = await open(5000);
});
afterEach(async () => {
  await tunnel.close();
  await api.close();
});

const ask = (path: string, init?: RequestInit) => tunnel.fetch(`${BASE}${path}`, init);
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => (AgentIdError.is(error) ? error.code : String(error)),
  );
/** Resident memory of containerd in MiB. */
const memory = async () =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${containerd.pid}/status`, 'utf8'))?.[1]) / 1024;

test('the pod sees a caller on its own loopback', async () => {
  assert.equal(await (await ask('/caller')).text(), '127.0.0.1');
});

test('64 requests at a time over 16 connections', async () => {
  const answers = await Promise.all(Array.from({ length: 64 }, async () => (await ask('/')).text()));
  assert.deepEqual([...new Set(answers)], ['ok']);
});

test('40 MiB each way arrive unharmed', async () => {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of (await ask('/download?mib=40')).body!) {
    hash.update(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).length;
  }
  const content = Buffer.alloc(40 * MIB, 'abcdefgh');
  const expected = createHash('sha256').update(content).digest('hex');
  assert.deepEqual([bytes, hash.digest('hex')], [40 * MIB, expected]);
  const answer = await ask('/upload', { method: 'POST', body: content });
  assert.equal(await answer.text(), `${40 * MIB} ${expected}`);
});

test('a body that ends with the connection arrives whole, however late it is read', async () => {
  const response = await ask('/download?mib=3&untold', { headers: { connection: 'close' } });
  await sleep(1_500);
  assert.equal((await response.arrayBuffer()).byteLength, 3 * MIB);
});

test('a reader that does not read holds back the pod, not the runtime’s memory', async () => {
  const before = await memory();
  const response = await ask('/download?mib=200');
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body!.getReader();
  let received = (await reader.read()).value!.length;
  await sleep(2_000);
  const growth = (await memory()) - before;
  assert.ok(growth < 60, `containerd grew by ${growth.toFixed()} MiB`);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    received += value.length;
  }
  assert.equal(received, 200 * MIB);
});

test('an idle connection lives on its pings: the runtime answers them', async () => {
  const quick = await open(5000, 200);
  try {
    await until(() => quick.state.kind === 'ready', 'ready');
    const kinds: string[] = [];
    quick.onDidChangeState(({ kind }) => kinds.push(kind));
    await sleep(3_000); // five pings
    assert.deepEqual(kinds, []);
  } finally {
    await quick.close();
  }
});

test('a runtime that stops without a word: a stream and an upload end, and it is found again when it goes on', async () => {
  const quick = await open(5000, 200);
  try {
    const endless = new ReadableStream({ pull: controller => controller.enqueue(Buffer.alloc(256 * 1024)) });
    const upload = code(quick.fetch(`${BASE}/upload`, { method: 'POST', body: endless, duplex: 'half' }));
    const events = (await quick.fetch(`${BASE}/events`)).body!.getReader();
    await events.read();
    const stream = (async () => {
      while (!(await events.read()).done);
    })();
    process.kill(containerd.pid, 'SIGSTOP');
    try {
      assert.deepEqual(await Promise.all([code(stream), upload]), ['tunnel.interrupted', 'tunnel.unanswered']);
    } finally {
      process.kill(containerd.pid, 'SIGCONT');
    }
    assert.equal(await (await quick.fetch(`${BASE}/`)).text(), 'ok');
  } finally {
    await quick.close();
  }
});

test('a port that nobody listens on is refused in the runtime’s words', async () => {
  const nobody = await open(5001);
  try {
    assert.equal(await code(nobody.fetch(`${BASE}/`)), 'tunnel.refused');
    assert.match(String(nobody.state.error?.args['reason']), /connection refused/);
  } finally {
    await nobody.close();
  }
});

test('a connection that the pod hung up on, unannounced for a second: a GET is repeated', async () => {
  assert.equal(await (await ask('/hang-up')).text(), 'bye');
  await sleep(100); // the pod has closed; the runtime says so only after its linger
  assert.equal(await (await ask('/')).text(), 'ok');
});

test('a process that is killed under a stream ends it with an error, and one that comes back is found', async () => {
  const reader = (await ask('/events')).body!.getReader();
  await reader.read();
  await containerd.killApp();
  const rest = (async () => {
    while (!(await reader.read()).done);
  })();
  assert.equal(await code(rest), 'tunnel.interrupted');
  await until(() => tunnel.state.error?.code === 'tunnel.refused', 'refused');
  const waiting = ask('/', { method: 'POST', body: 'x' }); // it never left, so it may wait
  await containerd.startApp();
  assert.equal(await (await waiting).text(), 'ok');
  await until(() => tunnel.state.kind === 'ready', 'ready');
});
