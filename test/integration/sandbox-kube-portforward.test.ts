import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { Backend, echo, eventually, type Forward, Refused, TestCluster } from '../unit/sandbox-kube/support.ts';

let cluster: TestCluster;
/** What the process in the pod does with a connection; a test may change it. */
let serve: (socket: Socket) => void;
before(async () => void (cluster = await TestCluster.start(socket => serve(socket))));
after(() => cluster.stop());
const open: Forward[] = [];
async function forward(options?: Parameters<TestCluster['forward']>[0]): Promise<Forward> {
  const made = await cluster.forward(options);
  open.push(made);
  return made;
}
afterEach(() => {
  serve = echo;
  for (const each of open.splice(0)) each.socket.terminate();
  for (const socket of cluster.backend.sockets) socket.destroy();
  cluster.kube.control.allowAll();
});
serve = echo;

const refusal = async (options: Parameters<TestCluster['forward']>[0]): Promise<Refused> => {
  try {
    await forward(options);
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    return error;
  }
  throw new Error('the upgrade was not refused');
};
const statusOf = (refused: Refused) => JSON.parse(refused.body) as { reason: string; message: string };

test('both headers come first, as messages of three bytes; then data flows both ways', async () => {
  const tunnel = await forward();
  assert.equal(tunnel.socket.protocol, 'v4.channel.k8s.io');
  tunnel.send(0, 'hello');
  await tunnel.until(() => tunnel.text(0) === 'hello');
  assert.deepEqual([...tunnel.messages[0]!], [0, 0x88, 0x13]); // 5000 in little endian
  assert.deepEqual([...tunnel.messages[1]!], [1, 0x88, 0x13]);
  assert.equal(cluster.kube.control.tunnels(), 1);
});

test('the newest protocol that the runtime knows is chosen from what the client offers', async () => {
  const tunnel = await forward({ protocols: ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v3.channel.k8s.io'] });
  assert.equal(tunnel.socket.protocol, 'v4.channel.k8s.io');
});

test('an unknown subprotocol is refused with 403 and an empty body', async () => {
  for (const protocols of [['v5.channel.k8s.io'], ['channel.k8s.io']]) {
    const refused = await refusal({ protocols });
    assert.deepEqual([refused.status, refused.body], [403, '']);
  }
});

test('no subprotocol is answered with an empty one, which the ws client rejects', async () => {
  await assert.rejects(forward({ protocols: [] }), /subprotocol/);
});

test('the base64 protocol carries text', async () => {
  const tunnel = await forward({ protocols: ['v4.base64.channel.k8s.io'] });
  tunnel.socket.send(`0${Buffer.from('hello').toString('base64')}`);
  await tunnel.until(() => tunnel.messages.length === 3);
  assert.deepEqual(
    tunnel.messages.map(message => message.toString()),
    [
      `0${Buffer.from([0x88, 0x13]).toString('base64')}`,
      `1${Buffer.from([0x88, 0x13]).toString('base64')}`,
      '0aGVsbG8=',
    ],
  );
});

test('a port that nothing listens on: headers, then the error as text, then close 1000', async () => {
  const tunnel = await forward({ ports: 'ports=9999' });
  assert.equal(await tunnel.closed, 1000);
  assert.equal(tunnel.messages.length, 3);
  assert.match(tunnel.text(1), /^error forwarding port 9999 to pod [0-9a-f]{64}, uid : .*connection refused/);
  assert.equal(tunnel.data(0).length, 0);
});

test('a process that is down refuses; it can come back', async () => {
  cluster.kube.control.setListening('research-agent', false);
  const tunnel = await forward();
  assert.equal(await tunnel.closed, 1000);
  assert.match(tunnel.text(1), /dial tcp4 127\.0\.0\.1:5000: connect: connection refused/);
  cluster.kube.control.setListening('research-agent', true);
  const again = await forward();
  again.send(0, 'x');
  await again.until(() => again.text(0) === 'x');
});

test('when the pod closes, the tunnel lingers for a second; what is sent meanwhile is lost without an error', async () => {
  serve = socket => socket.end('bye');
  const tunnel = await forward();
  await tunnel.until(() => tunnel.text(0) === 'bye');
  const start = Date.now();
  tunnel.send(0, 'too late');
  assert.equal(await tunnel.closed, 1000);
  const lingered = Date.now() - start;
  assert.ok(lingered > 800 && lingered < 5000, `${lingered} ms`);
  assert.equal(tunnel.text(1), '');
});

test('a connection that the pod resets ends with an error text, after the linger', async () => {
  serve = socket => void setTimeout(() => socket.resetAndDestroy(), 50);
  const tunnel = await forward();
  assert.equal(await tunnel.closed, 1000);
  assert.match(tunnel.text(1), /connection reset by peer$/);
});

test('the pod hears of it when the client goes, within the linger', async () => {
  const tunnel = await forward();
  await eventually(() => cluster.backend.sockets.size === 1);
  tunnel.socket.terminate();
  await eventually(() => cluster.backend.sockets.size === 0);
  await eventually(() => cluster.kube.control.tunnels() === 0);
});

test('a client that closes gets its close frame back', async () => {
  const tunnel = await forward();
  tunnel.socket.close(1000);
  assert.equal(await tunnel.closed, 1000);
});

test('a ping is answered at once', async () => {
  const tunnel = await forward();
  const pong = new Promise<string>(resolve => tunnel.socket.on('pong', data => resolve(String(data))));
  tunnel.socket.ping('are you there');
  assert.equal(await pong, 'are you there');
});

test('while the pod takes no data no ping is answered, and the client is held back', async () => {
  let pod: Socket | undefined;
  serve = socket => void (pod = socket.pause());
  const tunnel = await forward();
  let pongs = 0;
  tunnel.socket.on('pong', () => pongs++);
  for (let count = 0; count < 400; count++) tunnel.send(0, Buffer.alloc(64 * 1024));
  await new Promise(resolve => setTimeout(resolve, 300));
  tunnel.socket.ping();
  await new Promise(resolve => setTimeout(resolve, 200));
  assert.equal(pongs, 0);
  assert.ok(tunnel.socket.bufferedAmount > 4 * 1024 * 1024, `${tunnel.socket.bufferedAmount} bytes wait`);
  let taken = 0;
  pod?.on('data', (chunk: Buffer) => (taken += chunk.length));
  pod?.resume();
  await eventually(() => taken === 400 * 64 * 1024 && pongs === 1);
});

test('a client that does not read holds the pod back', async () => {
  let written = 0;
  serve = socket => {
    const fill = () => {
      while (written < 64 * 1024 * 1024) {
        written += 256 * 1024;
        if (!socket.write(Buffer.alloc(256 * 1024))) return void socket.once('drain', fill);
      }
      socket.end();
    };
    fill();
  };
  const tunnel = await forward();
  tunnel.socket.pause();
  await new Promise(resolve => setTimeout(resolve, 500));
  assert.ok(written < 32 * 1024 * 1024, `${written} bytes left the pod`);
  tunnel.socket.resume();
  await tunnel.until(() => tunnel.size(0) === 64 * 1024 * 1024);
  assert.ok(tunnel.messages.every(message => message.length <= 32 * 1024 + 1));
});

test('bytes arrive as they were sent, whatever the size of the messages', async () => {
  const tunnel = await forward();
  const sent = randomBytes(3 * 1024 * 1024);
  for (let at = 0, size = 1; at < sent.length; at += size, size = Math.min(size * 3, 300_000))
    tunnel.send(0, sent.subarray(at, at + size));
  await tunnel.until(() => tunnel.size(0) >= sent.length);
  assert.ok(tunnel.data(0).equals(sent));
});

test('a fragment is taken for a message of its own: its first byte is the channel', async () => {
  const tunnel = await forward();
  tunnel.socket.send(Buffer.from('\x00first '), { fin: false });
  tunnel.socket.send(Buffer.from('second'), { fin: true }); // "s" is no channel: lost
  tunnel.send(0, 'third');
  await tunnel.until(() => tunnel.text(0) === 'first third');
});

test('empty messages and messages on other channels are dropped', async () => {
  const tunnel = await forward();
  tunnel.socket.send(Buffer.alloc(0));
  tunnel.send(1, 'to the error channel');
  tunnel.send(7, 'to nobody');
  tunnel.send(0, 'x');
  await tunnel.until(() => tunnel.text(0) === 'x');
});

test('a frame of 33 MiB drops the connection', async () => {
  const tunnel = await forward();
  tunnel.socket.send(Buffer.alloc(33 * 1024 * 1024));
  assert.equal(await tunnel.closed, 1006);
  const small = await forward();
  small.send(0, Buffer.alloc(31 * 1024 * 1024));
  await small.until(() => small.size(0) === 31 * 1024 * 1024);
});

test('several ports share one connection: one that stalls stalls the others', async () => {
  let heard = '';
  const other = await Backend.start(socket => socket.on('data', chunk => (heard += String(chunk))));
  cluster.kube.control.setBackend('research-agent', 6000, other.address);
  let stalled: Socket | undefined;
  serve = socket => void (stalled = socket.pause());
  try {
    for (const ports of ['ports=5000&ports=6000', 'ports=5000,6000']) {
      stalled = undefined;
      heard = '';
      const tunnel = await forward({ ports });
      await eventually(() => stalled !== undefined && tunnel.messages.length === 4);
      assert.deepEqual(
        tunnel.messages.map(message => [...message]),
        [
          [0, 0x88, 0x13],
          [1, 0x88, 0x13],
          [2, 0x70, 0x17],
          [3, 0x70, 0x17],
        ],
      );
      for (let count = 0; count < 400; count++) tunnel.send(0, Buffer.alloc(64 * 1024));
      tunnel.send(2, 'behind');
      await new Promise(resolve => setTimeout(resolve, 300));
      assert.equal(heard, '');
      (stalled as Socket | undefined)?.resume();
      await eventually(() => heard === 'behind');
    }
  } finally {
    await other.close();
  }
});

test('with several ports, the client is not told that one has ended while another lives', async () => {
  cluster.kube.control.setBackend('research-agent', 6000, cluster.backend.address);
  const sockets: Socket[] = [];
  serve = socket => void sockets.push(socket);
  const tunnel = await forward({ ports: 'ports=5000&ports=6000' });
  await eventually(() => sockets.length === 2);
  sockets[0]?.end();
  await new Promise(resolve => setTimeout(resolve, 1300));
  assert.equal(tunnel.socket.readyState, tunnel.socket.OPEN);
  sockets[1]?.end();
  assert.equal(await tunnel.closed, 1000);
});

test('404 with a Status for a pod that is not there', async () => {
  const refused = await refusal({ pod: 'gone' });
  assert.equal(refused.status, 404);
  assert.equal(statusOf(refused).message, 'pods "gone" not found');
});

test('403 with a Status without the right to get, and without the right to create', async () => {
  cluster.kube.control.deny({ verb: 'get', resource: 'pods', subresource: 'portforward' });
  const get = await refusal({});
  assert.equal(get.status, 403);
  assert.match(statusOf(get).message, /cannot get resource "pods\/portforward" in API group ""/);
  cluster.kube.control.allowAll();
  cluster.kube.control.deny({ verb: 'create', resource: 'pods', subresource: 'portforward' });
  const create = await refusal({});
  assert.equal(statusOf(create).message, `pods "${cluster.pod()}" is forbidden: `); // the server names no reason here
});

test('401 with a Status for an expired token', async () => {
  cluster.kube.control.expireToken();
  const refused = await refusal({});
  assert.deepEqual([refused.status, statusOf(refused).reason], [401, 'Unauthorized']);
  await cluster.kube.control.renewToken();
});

test('a proxy that lets no WebSocket through answers 403 without a body', async () => {
  cluster.kube.control.refuseUpgrades(true);
  const refused = await refusal({});
  assert.deepEqual([refused.status, refused.body], [403, '']);
  cluster.kube.control.refuseUpgrades(false);
});

test('400 for ports that are none, and for a request that is no upgrade', async () => {
  for (const ports of ['', 'ports=x', 'ports=0', 'ports=70000']) assert.equal((await refusal({ ports })).status, 400);
  const answer = await cluster.request(`${cluster.podPath()}/portforward?ports=5000`);
  assert.deepEqual([answer.status, answer.json().message], [400, 'Upgrade request required']);
  const spdy = await cluster.request(`${cluster.podPath()}/portforward`, {
    method: 'POST',
    headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'portforward.k8s.io' },
  });
  assert.equal(spdy.status, 400);
  assert.match(String(spdy.json().message), /over WebSocket only/);
});

test('a frame without a mask is a protocol error', async () => {
  const tunnel = await forward();
  tunnel.socket.send(Buffer.from('\x00x'), { mask: false });
  assert.equal(await tunnel.closed, 1002);
});

test('64 tunnels at once each carry their own bytes, and none is left over', async () => {
  const tunnels = await Promise.all(Array.from({ length: 64 }, () => forward()));
  await Promise.all(
    tunnels.map(async (tunnel, index) => {
      tunnel.send(0, `number ${index}`);
      await tunnel.until(() => tunnel.text(0) === `number ${index}`);
    }),
  );
  assert.equal(cluster.kube.control.tunnels(), 64);
  for (const tunnel of tunnels) tunnel.socket.close();
  await eventually(() => cluster.kube.control.tunnels() === 0 && cluster.backend.sockets.size === 0);
});
