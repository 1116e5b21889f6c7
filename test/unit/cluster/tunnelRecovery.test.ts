import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from './support/failure.ts';
import { until } from '../../support/until.ts';
import { Backend, collectStates, withTunnel } from './support/world.ts';

const BASE = 'http://gateway.invalid';
const ok: RequestListener = (_request, response) => response.end('ok');

test('one spare is dialled in advance, and the first request takes it', async () => {
  await withTunnel(ok, async ({ tunnel, server }) => {
    const states = collectStates(tunnel);
    assert.equal(tunnel.state.kind, 'connecting');
    await until(() => tunnel.state.kind === 'ready', 'ready');
    const { since, ...state } = tunnel.state;
    assert.deepEqual(state, { kind: 'ready', pod: 'pod-a' });
    assert.ok(since <= Date.now() && since > Date.now() - 60_000);
    assert.equal(server.dials, 1);
    await (await tunnel.fetch(BASE)).text();
    await until(() => server.dials === 2, 'a new spare');
    await (await tunnel.fetch(BASE)).text(); // the connection of the first request is kept alive
    assert.equal(server.dials, 2);
    assert.deepEqual(states, ['ready']);
  });
});

test('the spare is replaced before it grows stale, and let go when nobody asks for anything', async () => {
  await withTunnel(
    ok,
    async ({ tunnel, server }) => {
      await until(() => server.dials >= 3, 'fresh spares');
      await until(() => server.forwards.size === 0, 'the spare to be let go');
      const before = server.dials;
      await sleep(200);
      assert.equal(server.dials, before);
      assert.equal(tunnel.state.kind, 'ready');
      assert.equal(await (await tunnel.fetch(BASE)).text(), 'ok');
    },
    { times: { spareAge: 60, idle: 2_000 } },
  );
});

test('a spare that the pod hangs up on is replaced without a word', async () => {
  await withTunnel(ok, async ({ tunnel, server, backend }) => {
    await until(() => tunnel.state.kind === 'ready' && backend.sockets.size === 1, 'ready');
    const states = collectStates(tunnel);
    for (const socket of backend.sockets) socket.end();
    await until(() => server.dials === 2 && backend.sockets.size === 1, 'a new spare');
    assert.equal(await (await tunnel.fetch(BASE)).text(), 'ok');
    assert.deepEqual(new Set(states), new Set(states.length ? ['ready'] : []));
  });
});

test('a request that falls into the stale window is repeated if that is harmless, and reported if not', async () => {
  await withTunnel(
    ok,
    async ({ tunnel, server, backend }) => {
      server.linger = 400;
      const hangUp = async () => {
        await (await tunnel.fetch(BASE)).text();
        for (const socket of backend.sockets) socket.end(); // as an idle timeout does; the tunnel hears of it 0.4 s later
        await sleep(30);
        backend.requests = [];
      };
      await hangUp();
      assert.equal(await (await tunnel.fetch(`${BASE}/get`)).text(), 'ok');
      assert.deepEqual(backend.requests, ['GET /get']);
      await sleep(600);
      await hangUp();
      await assert.rejects(tunnel.fetch(`${BASE}/post`, { method: 'POST', body: 'x' }), failure('tunnel.unanswered'));
      assert.deepEqual(backend.requests, []);
      assert.equal(await (await tunnel.fetch(`${BASE}/post`, { method: 'POST', body: 'x' })).text(), 'ok');
    },
    { connections: 1 },
  );
});

test('nothing is repeated after the first byte of an answer', async () => {
  const cut: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('only this');
    setTimeout(() => response.socket?.destroy(), 20);
  };
  await withTunnel(cut, async ({ tunnel, backend }) => {
    const response = await tunnel.fetch(BASE);
    await assert.rejects(response.text(), failure('tunnel.interrupted', { name: 'gateway' }));
    assert.deepEqual(backend.requests, ['GET /']);
  });
});

test('a body without a length that is cut by a loss does not pass for a whole one', async () => {
  const endless: RequestListener = (_request, response) => {
    response.socket?.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nonly this');
  };
  await withTunnel(endless, async ({ tunnel, server, backend }) => {
    const response = await tunnel.fetch(BASE);
    await until(() => backend.requests.length === 1, 'the request');
    server.cut();
    await assert.rejects(response.text(), failure('tunnel.interrupted', { reason: 'tunnel.lost' }));
  });
});

test('a port that nobody listens on is named, not retried for ever', async () => {
  await withTunnel(
    ok,
    async ({ tunnel }) => {
      const since = Date.now();
      await assert.rejects(
        tunnel.fetch(BASE, { method: 'POST', body: 'x' }),
        failure('tunnel.refused', { pod: 'pod-a', port: 3000, reason: /connection refused/ }),
      );
      assert.ok(Date.now() - since < 2_000);
      await until(() => tunnel.state.error?.code === 'tunnel.refused', 'the state to say so');
      assert.equal(tunnel.state.kind, 'reconnecting');
    },
    { prepare: server => server.backends.clear() },
  );
});

test('a restarting container is waited for, also by a POST', async () => {
  await withTunnel(ok, async ({ tunnel, server, backend }) => {
    const states = collectStates(tunnel);
    await (await tunnel.fetch(BASE)).text();
    const { port } = backend;
    await backend.close();
    const sending = tunnel.fetch(BASE, { method: 'POST', body: 'x' });
    await until(() => tunnel.state.kind === 'reconnecting', 'reconnecting');
    await sleep(200);
    const restarted = await Backend.start(ok, port);
    assert.equal(await (await sending).text(), 'ok');
    await until(() => tunnel.state.kind === 'ready', 'ready again');
    assert.deepEqual(restarted.requests, ['POST /']);
    assert.ok(states.includes('reconnecting'));
    await tunnel.close();
    await restarted.close();
    assert.equal(server.forwards.size, 0);
  });
});

test('a replaced pod is followed', async () => {
  await withTunnel(ok, async ({ tunnel, server, backend }) => {
    await (await tunnel.fetch(BASE)).text();
    const next = await Backend.start((_request, response) => response.end('from b'));
    server.pods = [
      { name: 'pod-a', terminating: true },
      { name: 'pod-b', ready: false },
    ];
    server.backends = new Map([['pod-b', next.port]]);
    for (const socket of backend.sockets) socket.destroy();
    await sleep(50);
    const asking = tunnel.fetch(BASE);
    await sleep(150);
    server.pods = [{ name: 'pod-b' }];
    assert.equal(await (await asking).text(), 'from b');
    await until(() => tunnel.state.kind === 'ready' && tunnel.state.pod === 'pod-b', 'ready on the new pod');
    await tunnel.close();
    await next.close();
  });
});

test('a remembered pod that is gone is looked up again at once', async () => {
  await withTunnel(
    ok,
    async ({ tunnel, server, backend }) => {
      await until(() => tunnel.state.kind === 'ready', 'ready');
      server.pods = [{ name: 'pod-b' }];
      server.backends.set('pod-b', backend.port);
      for (const forward of server.forwards) forward.ws.close(1000);
      await until(() => tunnel.state.pod === 'pod-b' && tunnel.state.kind === 'ready', 'ready on the other pod');
      assert.ok(server.requests.filter(line => line.includes('pod-a/portforward')).length === 2);
      assert.equal(await (await tunnel.fetch(BASE)).text(), 'ok');
    },
    { times: { podAge: 60_000 } },
  );
});

test('a tunnel stays on its pod while that is fit, whatever else becomes ready', async () => {
  await withTunnel(ok, async ({ tunnel, server, backend }) => {
    await until(() => tunnel.state.kind === 'ready', 'ready');
    server.pods.push({ name: 'pod-new', created: Date.now() });
    server.backends.set('pod-new', backend.port);
    await (await tunnel.fetch(BASE)).text();
    await until(() => server.dials >= 2, 'another dial');
    assert.equal(tunnel.state.pod, 'pod-a');
  });
});

test('without a ready pod the first request fails at once and says why; a later one works', async () => {
  await withTunnel(
    ok,
    async ({ tunnel, server }) => {
      await assert.rejects(
        tunnel.fetch(BASE),
        failure('tunnel.noReadyPod', { namespace: 'ns', selector: 'app=gateway', reason: 'pod-a: ImagePullBackOff' }),
      );
      server.pods = [];
      await assert.rejects(tunnel.fetch(BASE), failure('tunnel.noReadyPod', { reason: 'there are no pods' }));
      assert.equal(tunnel.state.kind, 'reconnecting');
      server.pods = [{ name: 'pod-a' }];
      await until(() => tunnel.state.kind === 'ready', 'the background to find the pod');
      assert.equal(await (await tunnel.fetch(BASE)).text(), 'ok');
    },
    { prepare: server => (server.pods = [{ name: 'pod-a', ready: false, waiting: 'ImagePullBackOff' }]) },
  );
});

test('an API server that drops every connection is dialled again', async () => {
  const waits: RequestListener = (request, response) => {
    if (request.url === '/wait') setTimeout(() => response.end('late'), 300);
    else response.end('ok');
  };
  await withTunnel(waits, async ({ tunnel, server, backend }) => {
    await (await tunnel.fetch(BASE)).text();
    const states = collectStates(tunnel);
    const waiting = tunnel.fetch(`${BASE}/wait`);
    const posting = tunnel.fetch(`${BASE}/wait`, { method: 'POST', body: 'x' });
    const lost = assert.rejects(posting, failure('tunnel.unanswered', { reason: 'tunnel.lost' }));
    await until(() => backend.requests.length === 3, 'both requests in the pod');
    server.cut();
    assert.equal(await (await waiting).text(), 'late');
    await lost;
    await until(() => tunnel.state.kind === 'ready', 'ready');
    assert.ok(states.includes('reconnecting'));
    assert.equal(backend.requests.filter(line => line === 'POST /wait').length, 1);
  });
});

test('a path that died without a word is noticed by its missing pong', async () => {
  await withTunnel(
    (request, response) => {
      if (request.url !== '/wait') response.end('ok');
    },
    async ({ tunnel, server, backend }) => {
      await (await tunnel.fetch(BASE)).text();
      const waiting = assert.rejects(
        tunnel.fetch(`${BASE}/wait`, { method: 'POST', body: 'x' }),
        failure('tunnel.unanswered', { reason: 'tunnel.unresponsive' }),
      );
      await until(() => backend.requests.length === 2, 'the request');
      server.fallSilent();
      await waiting;
      await until(() => tunnel.state.kind === 'ready', 'ready over a new connection');
      assert.equal(await (await tunnel.fetch(BASE)).text(), 'ok');
    },
    { times: { heartbeat: 60 } },
  );
});

test('an upload into a path that died without a word comes to an end, though no ping can tell', async () => {
  const heartbeat = 60;
  await withTunnel(
    request => void request.resume(),
    async ({ tunnel, server, backend }) => {
      const endless = new ReadableStream({ pull: controller => controller.enqueue(Buffer.alloc(256 * 1024)) });
      const sending = tunnel.fetch(BASE, { method: 'POST', body: endless, duplex: 'half' });
      await until(() => backend.requests.length === 1, 'the request');
      const since = Date.now();
      server.fallSilent();
      await assert.rejects(sending, failure('tunnel.unanswered', { reason: 'tunnel.unresponsive' }));
      assert.ok(Date.now() - since >= 7 * heartbeat, 'a pod that reads nothing for a while is waited for');
      await until(() => tunnel.state.kind === 'ready', 'ready over a new connection');
    },
    { times: { heartbeat } },
  );
});

test('after a sleep of the machine, connections that died meanwhile are found at once, and living ones are kept', async () => {
  let asleep = 0;
  const clock = { now: () => Date.now() + asleep };
  const listener: RequestListener = (request, response) => {
    if (request.url !== '/wait') response.end('ok');
  };
  const times = { heartbeat: 60_000, look: 50, sleep: 5_000, probe: 300, patience: 15_000 };
  await withTunnel(
    listener,
    async ({ tunnel, server, backend }) => {
      await (await tunnel.fetch(BASE)).text();
      await until(() => tunnel.state.kind === 'ready' && server.forwards.size === 2, 'ready, with a spare');
      const { dials } = server;
      asleep += 3_600_000; // everything answers: nothing is lost
      await sleep(800);
      assert.equal(server.dials, dials);
      assert.equal(tunnel.state.kind, 'ready');

      const post = assert.rejects(
        tunnel.fetch(`${BASE}/wait`, { method: 'POST', body: 'x' }),
        failure('tunnel.unanswered', { reason: 'tunnel.unresponsive' }),
      );
      await until(() => backend.requests.includes('POST /wait'), 'the request');
      server.fallSilent(); // as after hours: no packet says that the connections are gone, those for lists of pods as well
      asleep += 3_600_000;
      const since = Date.now();
      const first = await tunnel.fetch(BASE, { method: 'POST', body: 'x' });
      assert.equal(await first.text(), 'ok', 'what is asked first after the sleep is not lost on a dead connection');
      assert.ok(Date.now() - since < 5_000, 'nor waits for a list of pods to time out');
      await post;
      await until(() => tunnel.state.kind === 'ready', 'ready over new connections');
      assert.ok(tunnel.state.since > Date.now(), 'by the clock of after the sleep');
    },
    { times, clock },
  );
});

test('the watchdog leaves a slow but living path alone: silent, stalled by the reader, stalled by the pod', async () => {
  const listener: RequestListener = (request, response) => {
    if (request.url === '/silent') setTimeout(() => response.end('finally'), 1_000);
    else if (request.url === '/big') response.end(Buffer.alloc(24 * 1024 * 1024));
    else {
      request.pause();
      setTimeout(() => {
        request.resume();
        request.once('end', () => response.end('taken'));
      }, 1_000);
    }
  };
  await withTunnel(
    listener,
    async ({ tunnel }) => {
      const silent = tunnel.fetch(`${BASE}/silent`).then(answer => answer.text());
      const stalled = tunnel.fetch(`${BASE}/upload`, { method: 'POST', body: Buffer.alloc(24 * 1024 * 1024) });
      const big = await tunnel.fetch(`${BASE}/big`);
      await sleep(1_000);
      assert.equal((await big.bytes()).length, 24 * 1024 * 1024);
      assert.equal(await silent, 'finally');
      assert.equal(await (await stalled).text(), 'taken');
    },
    { times: { heartbeat: 250 } },
  );
});
