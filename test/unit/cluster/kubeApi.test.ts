import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Access, CredentialSource, TlsSettings } from '../../../src/cluster/credentials.ts';
import { HttpKubeApi } from '../../../src/cluster/kubeApi.ts';
import { PORT_FORWARD_PROTOCOL } from '../../../src/cluster/portForward.ts';
import { createCertificateAuthority, type CertificateAuthority } from '../../../src/sandbox/ca.ts';
import { failure } from './support/failure.ts';
import { FakeApiServer } from './support/fakeApiServer.ts';
import { until } from '../../support/until.ts';
import { fixedCredentials } from './support/world.ts';

const PODS = '/api/v1/namespaces/ns/pods';

async function withApi(
  work: (setup: { server: FakeApiServer; api: HttpKubeApi }) => Promise<void>,
  options: { credentials?: CredentialSource; prefix?: string } = {},
): Promise<void> {
  const server = await FakeApiServer.start();
  const credentials = options.credentials ?? fixedCredentials('first');
  const api = new HttpKubeApi({ context: 'dev', server: `${server.origin}${options.prefix ?? ''}`, credentials });
  try {
    await work({ server, api });
  } finally {
    await api.close();
    await server.close();
  }
}

test('JSON in and out, with our credentials, over kept-alive connections', async () => {
  await withApi(async ({ server, api }) => {
    server.routes.set('/echo', (request, response, body) =>
      FakeApiServer.json(response, 201, { method: request.method, body: JSON.parse(body) as unknown }),
    );
    for (let round = 0; round < 5; round++) await api.get(PODS);
    assert.deepEqual(await api.post('/echo', { a: 1 }), { method: 'POST', body: { a: 1 } });
    assert.ok(server.connections <= 2, 'six requests; undici frees a connection a tick after the answer');
    assert.equal(server.headers[0]?.authorization, 'Bearer first');
  });
});

test('a server behind a path, as Rancher has it, keeps its path', async () => {
  await withApi(
    async ({ server, api }) => {
      await api.get(PODS);
      assert.deepEqual(server.requests, [`GET /k8s/clusters/c-1${PODS}`]);
      assert.equal(api.server, `${server.origin}/k8s/clusters/c-1`);
    },
    { prefix: '/k8s/clusters/c-1/' },
  );
});

test('a 401 renews the credentials once, and then counts', async () => {
  const credentials = fixedCredentials('old', 'new');
  await withApi(
    async ({ server, api }) => {
      server.routes.set(PODS, (request, response) => {
        if (request.headers.authorization === 'Bearer new') FakeApiServer.json(response, 200, { items: [] });
        else FakeApiServer.status(response, 401, 'Unauthorized');
      });
      assert.deepEqual(await api.get(PODS), { items: [] });
      assert.equal(credentials.renewals, 1);
      server.routes.set(PODS, (_request, response) => FakeApiServer.status(response, 401, 'Unauthorized'));
      await assert.rejects(api.get(PODS), failure('cluster.unauthorized', { context: 'dev', server: server.origin }));
      assert.equal(credentials.renewals, 2);
    },
    { credentials },
  );
});

test('failures are told apart', async () => {
  await withApi(async ({ server, api }) => {
    const answer = (reply: Parameters<typeof server.routes.set>[1]) => server.routes.set(PODS, reply);
    answer((_request, response) =>
      FakeApiServer.status(
        response,
        403,
        'pods is forbidden: User "dev" cannot list resource "pods" in API group "" in the namespace "ns"',
      ),
    );
    await assert.rejects(
      api.get(PODS),
      failure('cluster.forbidden', {
        verb: 'list',
        resource: 'pods',
        namespace: 'ns',
        reason: /User "dev" cannot list/,
      }),
    );
    answer((_request, response) =>
      FakeApiServer.status(
        response,
        403,
        'deployments.apps is forbidden: User "dev" cannot list resource "deployments" in API group "apps" at the cluster scope',
      ),
    );
    await assert.rejects(
      api.get(PODS),
      failure('cluster.forbidden', { verb: 'list', resource: 'deployments', namespace: 'ns' }),
    );
    answer((_request, response) => FakeApiServer.status(response, 403, 'denied by an admission webhook'));
    await assert.rejects(
      api.get(`${PODS}`),
      failure('cluster.forbidden', { verb: 'get', resource: 'pods', namespace: 'ns' }),
    );
    answer((_request, response) => response.writeHead(403).end());
    await assert.rejects(api.get(PODS), failure('cluster.badResponse', { status: 403 }));
    await assert.rejects(api.get('/nowhere'), failure('cluster.notFound', { path: '/nowhere' }));
    answer((_request, response) => response.writeHead(200).end('<html>a proxy says hello</html>'));
    await assert.rejects(
      api.get(PODS),
      failure('cluster.badResponse', { status: 200, reason: 'the answer is not JSON' }),
    );
    answer((_request, response) => response.writeHead(302, { location: 'http://login.example/' }).end());
    await assert.rejects(api.get(PODS), failure('cluster.badResponse', { status: 302 }));
    answer((_request, response) => FakeApiServer.status(response, 503, 'apiserver is shutting down'));
    await assert.rejects(
      api.get(PODS),
      failure('cluster.badResponse', { status: 503, reason: 'apiserver is shutting down' }),
    );
    answer((_request, response) => response.destroy());
    await assert.rejects(api.get(PODS), failure('cluster.unreachable', { server: server.origin }));
  });
});

test('a server that is not there, or has no name, is unreachable, with the reason', async () => {
  const server = await FakeApiServer.start();
  const { origin } = server;
  await server.close();
  for (const [url, reason] of [
    [origin, 'ECONNREFUSED'],
    ['https://api.invalid', /ENOTFOUND|EAI_AGAIN/],
  ] as const) {
    const api = new HttpKubeApi({ context: 'c', server: url, credentials: fixedCredentials('x') });
    await assert.rejects(api.get(PODS), failure('cluster.unreachable', { server: url, reason }));
    await api.close();
  }
});

test('canI asks for an access review', async () => {
  await withApi(async ({ server, api }) => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    server.routes.set(path, (_request, response, body) => {
      const { spec } = JSON.parse(body) as { spec: { resourceAttributes: Record<string, string> } };
      FakeApiServer.json(response, 201, { status: { allowed: spec.resourceAttributes['verb'] === 'get' } });
    });
    const attributes = { resource: 'pods', subresource: 'portforward', namespace: 'ns' };
    assert.equal(await api.canI({ ...attributes, verb: 'get' }), true);
    assert.equal(await api.canI({ ...attributes, verb: 'create' }), false);
    server.routes.set(path, (_request, response) => FakeApiServer.json(response, 201, {}));
    await assert.rejects(api.canI({ ...attributes, verb: 'get' }), failure('cluster.badResponse'));
  });
});

test('an abort ends a request, and close ends everything', async () => {
  await withApi(async ({ server, api }) => {
    server.routes.set(PODS, () => {});
    const abort = new AbortController();
    const waiting = api.get(PODS, abort.signal);
    await until(() => server.requests.length === 1, 'the request');
    const reason = new Error('enough');
    abort.abort(reason);
    await assert.rejects(waiting, reason);
    server.onForward = () => {};
    const socket = await api.openWebSocket(`${PODS}/pod-a/portforward?ports=1`, PORT_FORWARD_PROTOCOL);
    const another = assert.rejects(api.get(PODS), failure('cluster.closed'));
    await sleep(20);
    await api.close();
    await another;
    assert.ok(socket.destroyed);
    await assert.rejects(api.get(PODS), failure('cluster.closed', { server: server.origin }));
  });
});

/** TLS credentials that can change on the way. */
function tlsCredentials(tls: TlsSettings): CredentialSource & { tls: TlsSettings } {
  return {
    tls,
    async get(): Promise<Access> {
      return { headers: {}, tls: this.tls };
    },
    async renew(): Promise<Access> {
      return this.get();
    },
  };
}

async function startServer(t: TestContext, ...tls: Parameters<typeof FakeApiServer.start>): Promise<FakeApiServer> {
  const server = await FakeApiServer.start(...tls);
  t.after(() => server.close());
  return server;
}

function connectApi(t: TestContext, options: ConstructorParameters<typeof HttpKubeApi>[0]): HttpKubeApi {
  const api = new HttpKubeApi(options);
  t.after(() => api.close());
  return api;
}

let ca: CertificateAuthority;
before(async () => {
  ca = await createCertificateAuthority();
});

test('TLS: the kubeconfig’s CA is trusted, and another is not', async t => {
  const server = await startServer(t, await ca.issue('api', ['127.0.0.1']));
  const other = await createCertificateAuthority();
  const good = connectApi(t, { context: 'c', server: server.origin, credentials: tlsCredentials({ ca: ca.pem }) });
  const bad = connectApi(t, { context: 'c', server: server.origin, credentials: tlsCredentials({ ca: other.pem }) });
  const careless = connectApi(t, {
    context: 'c',
    server: server.origin,
    credentials: tlsCredentials({ ca: other.pem, rejectUnauthorized: false }),
  });
  await good.get(PODS);
  await careless.get(PODS);
  await assert.rejects(
    bad.get(PODS),
    failure('cluster.tls', { server: server.origin, reason: /UNABLE_TO|SELF_SIGNED/ }),
  );
  await assert.rejects(bad.openWebSocket(PODS, PORT_FORWARD_PROTOCOL), failure('cluster.tls'));
});

test('TLS: the name must fit, and tls-server-name makes it', async t => {
  const server = await startServer(t, await ca.issue('api', ['kubernetes.default']));
  const make = (tls: TlsSettings) =>
    connectApi(t, { context: 'c', server: server.origin, credentials: tlsCredentials({ ca: ca.pem, ...tls }) });
  const plain = make({});
  const named = make({ servername: 'kubernetes.default' });
  await assert.rejects(plain.get(PODS), failure('cluster.tls', { reason: 'ERR_TLS_CERT_ALTNAME_INVALID' }));
  await named.get(PODS);
  server.onForward = () => {};
  (await named.openWebSocket(`${PODS}/pod-a/portforward?ports=1`, PORT_FORWARD_PROTOCOL)).destroy();
});

test('TLS: a rotated client certificate is used from the next request on', async t => {
  const server = await startServer(t, {
    ...(await ca.issue('api', ['127.0.0.1'])),
    ca: ca.pem,
    requestCert: true,
  });
  const names: unknown[] = [];
  server.routes.set(PODS, (request, response) => {
    const socket = request.socket as unknown as { getPeerCertificate(): { subject?: { CN: string } } };
    names.push(socket.getPeerCertificate().subject?.CN);
    FakeApiServer.json(response, 200, {});
  });
  const credentials = tlsCredentials({ ca: ca.pem, ...(await ca.issue('first', ['a.example'])) });
  const api = connectApi(t, { context: 'c', server: server.origin, credentials });
  await api.get(PODS);
  await sleep(20);
  await api.get(PODS);
  credentials.tls = { ca: ca.pem, ...(await ca.issue('second', ['a.example'])) };
  await api.get(PODS);
  assert.deepEqual(names, ['first', 'first', 'second']);
  assert.ok(server.connections <= 3);
});

test('a proxy carries requests and upgrades, and is what fails when it fails', async t => {
  const server = await startServer(t, await ca.issue('api', ['127.0.0.1']));
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer();
  proxy.on('connect', (request: IncomingMessage, client: Socket) => {
    asked.push(request.url ?? '');
    const { hostname, port } = new URL(`http://${request.url}`);
    const upstream = connect(Number(port), hostname, () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const socket of [client, upstream])
      socket.on('error', () => {}).on('close', () => [client, upstream].map(end => end.destroy()));
    sockets.add(client);
    upstream.pipe(client).pipe(upstream);
  });
  t.after(() => {
    for (const open of sockets) open.destroy();
    proxy.close();
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  const credentials = tlsCredentials({ ca: ca.pem });
  const api = connectApi(t, { context: 'c', server: server.origin, proxy: url, credentials });
  await api.get(PODS);
  server.onForward = () => {};
  const socket = await api.openWebSocket(`${PODS}/pod-a/portforward?ports=1`, PORT_FORWARD_PROTOCOL);
  await api.get(PODS);
  assert.ok(asked.length >= 1);
  assert.ok(asked.every(target => target === `127.0.0.1:${server.port}`));
  assert.equal(server.connections, asked.length, 'nothing went past the proxy');
  socket.destroy();

  const plain = await startServer(t);
  const overHttp = connectApi(t, {
    context: 'c',
    server: plain.origin,
    proxy: url,
    credentials: fixedCredentials('x'),
  });
  await overHttp.get(PODS);
  assert.equal(asked.at(-1), `127.0.0.1:${plain.port}`, 'a plain server is tunnelled too, so that upgrades work');

  for (const open of sockets) open.destroy();
  await new Promise(resolve => proxy.close(resolve));
  const orphan = connectApi(t, {
    context: 'c',
    server: plain.origin,
    proxy: url,
    credentials: fixedCredentials('x'),
  });
  await assert.rejects(orphan.get(PODS), failure('cluster.unreachable', { reason: 'ECONNREFUSED' }));
});

test('a SOCKS proxy carries requests and upgrades to a server by its name', async t => {
  const server = await startServer(t, await ca.issue('api', ['localhost']));
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createTcpServer(client => {
    client.on('error', () => {});
    sockets.add(client);
    client.once('data', () => {
      client.write(Buffer.from([5, 0])); // no authentication needed (RFC 1928, 3)
      client.once('data', (request: Buffer) => {
        const length = request[4] ?? 0;
        const host = request.subarray(5, 5 + length).toString(); // address type 3: a name
        const port = request.readUInt16BE(5 + length);
        asked.push(`${host}:${port}`);
        const upstream = connect(port, '127.0.0.1', () => {
          client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
          upstream.pipe(client).pipe(upstream);
        });
        upstream.on('error', () => {}).on('close', () => client.destroy());
        client.on('close', () => upstream.destroy());
      });
    });
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const api = connectApi(t, {
    context: 'c',
    server: `https://localhost:${server.port}`,
    proxy: new URL(`socks5://127.0.0.1:${(proxy.address() as AddressInfo).port}`),
    credentials: tlsCredentials({ ca: ca.pem }),
  });
  await api.get(PODS);
  server.onForward = () => {};
  const socket = await api.openWebSocket(`${PODS}/pod-a/portforward?ports=1`, PORT_FORWARD_PROTOCOL);
  socket.destroy();
  assert.ok(asked.length >= 1);
  assert.ok(asked.every(target => target === `localhost:${server.port}`));
  assert.equal(server.connections, asked.length);
});
