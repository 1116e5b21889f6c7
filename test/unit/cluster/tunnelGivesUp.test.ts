import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentIdError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { HttpKubeApi } from '../../../src/cluster/kubeApi.ts';
import { loadUndici } from '../../../src/cluster/libraries.ts';
import { openTunnel } from '../../../src/cluster/tunnel.ts';
import { tunnelFetch } from '../../../src/cluster/tunnelFetch.ts';
import { failure } from './support/failure.ts';
import { FakeApiServer, refuse, sendHeaders } from './support/fakeApiServer.ts';
import { until } from '../../support/until.ts';
import { Backend, FAST, fixedCredentials, withTunnel } from './support/world.ts';

const BASE = 'http://gateway.invalid';
const ok: RequestListener = (_request, response) => response.end('ok');

test('what needs a person fails at once: RBAC, a proxy in the way, credentials', async () => {
  const cases: { reply: (socket: Parameters<typeof refuse>[0]) => void; expect: (error: unknown) => true }[] = [
    {
      reply: socket =>
        refuse(socket, 403, 'Forbidden', {
          kind: 'Status',
          message:
            'pods "pod-a" is forbidden: User "dev" cannot create resource "pods/portforward" in API group "" in the namespace "ns"',
        }),
      expect: failure('cluster.forbidden', { verb: 'create', resource: 'pods/portforward', namespace: 'ns' }),
    },
    { reply: socket => refuse(socket, 403, 'Forbidden'), expect: failure('tunnel.upgradeRefused', { status: 403 }) },
    { reply: socket => refuse(socket, 200, 'OK', {}), expect: failure('tunnel.upgradeRefused', { status: 200 }) },
    {
      reply: socket => refuse(socket, 401, 'Unauthorized', { kind: 'Status' }),
      expect: failure('cluster.unauthorized'),
    },
  ];
  for (const { reply, expect } of cases)
    await withTunnel(
      ok,
      async ({ tunnel, server }) => {
        await assert.rejects(tunnel.fetch(BASE), expect);
        await until(() => tunnel.state.kind === 'failed', 'failed');
        const before = server.requests.length;
        await sleep(150);
        assert.equal(server.requests.length, before, 'nothing is retried in the background');
        server.onUpgrade = undefined;
        assert.equal(await (await tunnel.fetch(BASE)).text(), 'ok');
        await until(() => tunnel.state.kind === 'ready', 'ready');
      },
      { prepare: server => (server.onUpgrade = (_request, socket) => reply(socket)) },
    );
});

test('a refusal that comes late, after an answer, leaves the tunnel with a spare as soon as it is used again', async () => {
  let late: Parameters<typeof refuse>[0] | undefined;
  await withTunnel(
    ok,
    async ({ tunnel, server }) => {
      await until(() => late !== undefined, 'the dial of the spare');
      server.onUpgrade = undefined;
      await (await tunnel.fetch(BASE)).text();
      assert.equal(server.dials, 1);
      refuse(late!, 403, 'Forbidden');
      await until(() => tunnel.state.kind === 'failed', 'failed');
      await (await tunnel.fetch(BASE)).text();
      await until(() => server.dials === 2 && tunnel.state.kind === 'ready', 'a spare');
    },
    { prepare: server => (server.onUpgrade = (_request, socket) => void (late = socket)) },
  );
});

test('patience has an end, and then every waiting request hears of it, not one after the other', async () => {
  await withTunnel(
    ok,
    async ({ tunnel, server }) => {
      await (await tunnel.fetch(BASE)).text();
      server.pods = [];
      server.cut();
      const since = Date.now();
      const all = await Promise.allSettled(Array.from({ length: 20 }, () => tunnel.fetch(BASE)));
      assert.ok(Date.now() - since < 2_500);
      for (const result of all) {
        assert.equal(result.status, 'rejected');
        failure('tunnel.noReadyPod')(result.reason);
      }
    },
    { connections: 2, times: { patience: 500 } },
  );
});

test('a connection that ended before anything was sent is replaced for any method', async () => {
  let posts = 0;
  const count: RequestListener = (_request, response) => {
    posts++;
    response.end('ok');
  };
  await withTunnel(
    count,
    async ({ tunnel, server }) => {
      await until(() => tunnel.state.kind === 'ready', 'ready');
      for (let round = 0; round < 20; round++) {
        // The close frame of a kept-alive connection races with the next request.
        for (const forward of server.forwards) forward.ws.close(1000);
        await new Promise(resolve => setImmediate(resolve));
        const answer = await tunnel.fetch(BASE, { method: 'POST', body: 'x' }).catch((error: unknown) => error);
        if (answer instanceof Response) assert.equal(await answer.text(), 'ok');
        else failure('tunnel.unanswered')(answer); // the frame was on its way when the request left
      }
      assert.ok(posts >= 10 && posts <= 20, `${posts} posts`);
    },
    { connections: 1 },
  );
});

test('what certainly never left is sent again once, whatever the method, and not for ever', async () => {
  const backend = await Backend.start(ok);
  const undici = await loadUndici();
  const stale = new AgentIdError('tunnel.stale', { pod: 'pod-a', port: 3000 });
  const post = async (staleConnections: number) => {
    let connections = 0;
    const pool = new undici.Pool(`http://127.0.0.1:${backend.port}`, {
      connect: (_options, callback) => {
        if (connections++ < staleConnections) callback(stale, null);
        else {
          const socket = connect(backend.port, '127.0.0.1');
          socket.once('connect', () => callback(null, socket));
        }
      },
    });
    const link = { prepare: async () => {}, proved: () => {}, pauseBeforeRetry: () => assert.fail('no pause') };
    const send = tunnelFetch({ undici, pool, link, name: 'gateway', origin: BASE });
    try {
      const response = await send(`${BASE}/${staleConnections}`, { method: 'POST', body: 'x' });
      return await response.text();
    } finally {
      await pool.destroy();
    }
  };
  assert.equal(await post(1), 'ok');
  await assert.rejects(post(2), failure('tunnel.stale'));
  assert.deepEqual(backend.requests, ['POST /1']);
  await backend.close();
});

test('the selector must select something', async () => {
  const server = await FakeApiServer.start();
  const api = new HttpKubeApi({ context: 'c', server: server.origin, credentials: fixedCredentials('x') });
  const options = { api, namespace: 'ns', port: 1, connections: 1, logger: silentLogger, times: FAST };
  const tunnel = await openTunnel({ ...options, name: 'sidecar', selector: {} });
  await assert.rejects(
    tunnel.fetch('http://sidecar.invalid/'),
    failure('tunnel.noReadyPod', { reason: 'the selector is empty' }),
  );
  assert.deepEqual(server.requests, []);
  await tunnel.close();
  await api.close();
  await server.close();
});

test('a runtime error other than a refusal keeps its text', async () => {
  await withTunnel(
    ok,
    async ({ tunnel }) => {
      await assert.rejects(tunnel.fetch(BASE), failure('tunnel.unanswered', { reason: 'tunnel.podError' }));
      await until(() => tunnel.state.error?.code === 'tunnel.podError', 'the state');
      assert.match(String(tunnel.state.error?.args['reason']), /sandbox not found/);
    },
    {
      prepare: server => {
        server.onForward = ({ ws, port }) => {
          sendHeaders(ws, port);
          ws.send(Buffer.from('\u0001failed to forward: sandbox not found'));
          ws.close(1000);
        };
      },
    },
  );
});
