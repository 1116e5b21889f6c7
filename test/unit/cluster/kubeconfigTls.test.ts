import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { before, test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { silentLogger } from '../../../src/base/logger.ts';
import { loadKubeconfig } from '../../../src/cluster/kubeconfig.ts';
import { createCertificateAuthority, type CertificateAuthority } from '../../../src/sandbox/ca.ts';
import { failure } from './support/failure.ts';
import { FakeApiServer } from './support/fakeApiServer.ts';
import { config, write } from './support/kubeconfig.ts';

const PODS = '/api/v1/namespaces/ns/pods';

let ca: CertificateAuthority;
let trusted: Record<string, string>;
before(async () => {
  ca = await createCertificateAuthority();
  trusted = { 'certificate-authority-data': Buffer.from(ca.pem).toString('base64') };
});

/** The API server of a kubeconfig whose cluster has these fields. */
async function apiOf(t: TestContext, server: string, cluster: Record<string, unknown>, proxy?: string) {
  const path = await write(t, config(server, { cluster }));
  const kubeconfig = await loadKubeconfig({ path, logger: silentLogger, ...(proxy && { proxy }) });
  const api = await kubeconfig.connect('dev');
  t.after(() => api.close());
  return api;
}

async function tlsServer(t: TestContext, name: string) {
  const server = await FakeApiServer.start(await ca.issue('api', [name]));
  t.after(() => server.close());
  return server;
}

test('tls-server-name stands in for a name that the certificate does not have', async t => {
  const { origin } = await tlsServer(t, 'kubernetes.default');
  await assert.rejects((await apiOf(t, origin, trusted)).get(PODS), failure('cluster.tls'));
  const named = await apiOf(t, origin, { ...trusted, 'tls-server-name': 'kubernetes.default' });
  await named.get(PODS);
  assert.equal(named.unverified, undefined);
});

test('a server whose certificate is not to be checked is used, and known to be unproved', async t => {
  const { origin } = await tlsServer(t, '127.0.0.1');
  await assert.rejects((await apiOf(t, origin, {})).get(PODS), failure('cluster.tls', { server: origin }));
  const careless = await apiOf(t, origin, { 'insecure-skip-tls-verify': true });
  await careless.get(PODS);
  assert.equal(careless.unverified, true);
  assert.equal((await apiOf(t, 'http://api.example', {})).unverified, true, 'without TLS nothing proves it either');
  assert.equal((await apiOf(t, 'http://127.0.0.1:8001', {})).unverified, undefined, 'kubectl proxy checks it');
});

test('proxy-url of the kubeconfig is used, before the editor’s proxy', async t => {
  const server = await tlsServer(t, '127.0.0.1');
  const asked: string[] = [];
  const proxy = createServer().on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '');
    const upstream = connect(server.port, '127.0.0.1', () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on('error', () => {}).once('close', () => other.destroy());
    upstream.pipe(client).pipe(upstream);
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => proxy.close());
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const api = await apiOf(t, server.origin, { ...trusted, 'proxy-url': address }, 'http://127.0.0.1:9');
  await api.get(PODS);
  assert.deepEqual(asked, [`127.0.0.1:${server.port}`]);
});

test('a server that would rather speak HTTP/2 is spoken to in HTTP/1.1, which alone can be upgraded', async t => {
  const { cert, key } = await ca.issue('api', ['127.0.0.1']);
  const spoken: unknown[] = [];
  const server = createSecureServer({ cert, key, allowHTTP1: true }, (_request, response) => response.end('{}'));
  server.on('secureConnection', (socket: TLSSocket) => spoken.push(socket.alpnProtocol));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const api = await apiOf(t, `https://127.0.0.1:${(server.address() as AddressInfo).port}`, trusted);
  await api.get(PODS);
  assert.deepEqual(spoken, ['http/1.1']);
});
