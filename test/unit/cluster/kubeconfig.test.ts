import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { silentLogger, type Logger } from '../../../src/base/logger.ts';
import { loadKubeconfig } from '../../../src/cluster/kubeconfig.ts';
import { readKubeconfig } from '../../../src/cluster/kubeconfigFile.ts';
import { createCertificateAuthority } from '../../../src/sandbox/ca.ts';
import { config, fakeServer, folder, write, type Entries } from './support/kubeconfig.ts';
import { failure } from './support/failure.ts';
import { FakeApiServer } from './support/fakeApiServer.ts';

const PODS = '/api/v1/namespaces/ns/pods';

/** Connects with a kubeconfig of these entries and returns the headers that the server saw. */
async function headersOf(t: TestContext, entries: Entries, logger: Logger = silentLogger) {
  const server = await fakeServer(t);
  const kubeconfig = await loadKubeconfig({ path: await write(t, config(server.origin, entries)), logger });
  const api = await kubeconfig.connect('dev');
  t.after(() => api.close());
  await api.get(PODS);
  return server.headers[0] ?? {};
}

test('lists what is in the file', async t => {
  const file = await write(t, config('https://api.example:6443/'));
  const kubeconfig = await loadKubeconfig({ path: file, logger: silentLogger });
  assert.deepEqual(kubeconfig.files, [file]);
  assert.equal(kubeconfig.currentContext, 'dev');
  assert.deepEqual(kubeconfig.contexts, [
    { name: 'dev', file, cluster: 'c', server: 'https://api.example:6443/', namespace: 'agents', user: 'u' },
  ]);
});

test('KUBECONFIG: missing files do not count, the first definition of a name wins, paths belong to their file', async t => {
  const directory = await folder(t);
  await mkdir(path.join(directory, 'sub'));
  const [one, two] = [path.join(directory, 'one'), path.join(directory, 'sub', 'two')];
  await writeFile(
    one,
    `
clusters:
- {name: shared, cluster: {server: "https://first.example"}}
contexts:
- {name: a, context: {cluster: shared, user: ann}}
users:
- {name: ann, user: {token: t1}}
- {name: ann, user: {token: t2}}
`,
  );
  await writeFile(
    two,
    `
current-context: b
clusters:
- {name: shared, cluster: {server: "https://second.example", proxy-url: "http://p"}}
- {name: own, cluster: {server: "https://own.example", certificate-authority: ca.pem}}
contexts:
- {name: a, context: {cluster: own, user: bob}}
- {name: b, context: {cluster: own, user: bob}}
users:
- {name: bob, user: {client-certificate: ../bob.crt, client-key: /abs/bob.key, tokenFile: token, exec: {apiVersion: v1, command: ./plugin}}}
- {name: cid, user: {exec: {apiVersion: v1, command: kubelogin}}}
- {name: nobody}
`,
  );
  const env = { KUBECONFIG: ['/nonexistent/one', one, '', two, one].join(path.delimiter) };
  const merged = await readKubeconfig(undefined, env);
  assert.deepEqual(merged.files, [one, two]);
  assert.equal(merged.currentContext, 'b');
  assert.deepEqual(merged.clusters.get('shared'), { server: 'https://first.example' });
  assert.equal(merged.contexts.get('a')?.user, 'ann');
  assert.deepEqual([merged.contexts.get('a')?.file, merged.contexts.get('b')?.file], [one, two]);
  assert.equal(merged.users.get('ann')?.token, 't1');
  assert.equal(merged.clusters.get('own')?.['certificate-authority'], path.join(directory, 'sub', 'ca.pem'));
  const bob = merged.users.get('bob');
  assert.equal(bob?.['client-certificate'], path.join(directory, 'bob.crt'));
  assert.equal(bob?.['client-key'], '/abs/bob.key');
  assert.equal(bob?.tokenFile, path.join(directory, 'sub', 'token'));
  assert.equal(bob?.exec?.command, path.join(directory, 'sub', 'plugin'));
  assert.equal(merged.users.get('cid')?.exec?.command, 'kubelogin');
  assert.deepEqual(merged.users.get('nobody'), {});
});

test('a file that is missing, unreadable or nonsense is named, and nothing of its content is', async t => {
  await assert.rejects(
    loadKubeconfig({ path: '/nonexistent/config', logger: silentLogger }),
    failure('kubeconfig.notFound', { path: '/nonexistent/config' }),
  );
  await assert.rejects(readKubeconfig(undefined, { KUBECONFIG: '/nonexistent/a' }), failure('kubeconfig.notFound'));
  const directory = await folder(t);
  await assert.rejects(
    readKubeconfig(directory),
    failure('kubeconfig.unreadable', { path: directory, reason: 'EISDIR' }),
  );
  const cases: [string, RegExp][] = [
    ['users:\n- name: "s3cret\n', / at line \d/],
    ['users: {token: s3cret}', /^users: /],
    ['users: [{name: u, user: {token: [s3cret]}}]', /^users\.0\.user\.token: /],
    ['s3cret', /: /],
  ];
  for (const [text, reason] of cases)
    await assert.rejects(readKubeconfig(await write(t, text)), (error: unknown) => {
      failure('kubeconfig.invalid', { reason })(error);
      assert.ok(!String(error).includes('s3cret'));
      return true;
    });
  assert.deepEqual((await readKubeconfig(await write(t, ''))).contexts.size, 0);
});

test('a context that does not exist, or points to nothing, is refused', async t => {
  const text = `
clusters:
- {name: c, cluster: {server: "https://api.example"}}
- {name: ftp, cluster: {server: "ftp://api.example"}}
- {name: p, cluster: {server: "https://api.example", proxy-url: "http://"}}
contexts:
- {name: good, context: {cluster: c}}
- {name: no-cluster, context: {cluster: x, user: u}}
- {name: no-user, context: {cluster: c, user: x}}
- {name: bad-url, context: {cluster: ftp}}
- {name: bad-proxy, context: {cluster: p}}
`;
  const kubeconfig = await loadKubeconfig({ path: await write(t, text), logger: silentLogger });
  assert.equal(kubeconfig.contexts[1]?.server, '');
  const names = 'good, no-cluster, no-user, bad-url, bad-proxy';
  await assert.rejects(kubeconfig.connect('x'), failure('kubeconfig.contextNotFound', { context: 'x', known: names }));
  await assert.rejects(
    kubeconfig.connect('no-cluster'),
    failure('kubeconfig.dangling', { kind: 'cluster', name: 'x' }),
  );
  await assert.rejects(kubeconfig.connect('no-user'), failure('kubeconfig.dangling', { kind: 'user', name: 'x' }));
  await assert.rejects(kubeconfig.connect('bad-url'), failure('kubeconfig.invalid', { reason: /http/ }));
  await assert.rejects(kubeconfig.connect('bad-proxy'), failure('kubeconfig.invalid', { reason: /proxy/ }));
  await (await kubeconfig.connect('good')).close();
});

test('what would make us somebody else than kubectl is refused by name', async t => {
  const cases: [Record<string, unknown>, string][] = [
    [{ token: 't', as: 'x', 'as-groups': ['admins'] }, 'as-groups'],
    [{ token: 't', as: 'x', 'as-uid': '1' }, 'as-uid'],
    [{ token: 't', as: 'x', 'as-user-extra': { a: ['b'] } }, 'as-user-extra'],
    [{ 'auth-provider': { name: 'azure', config: {} } }, 'auth-provider azure'],
    [{ 'auth-provider': { name: 'gcp', config: {} } }, 'auth-provider gcp'],
    [{ exec: { apiVersion: 'v1', command: 'x', interactiveMode: 'Always' } }, 'exec.interactiveMode Always'],
  ];
  for (const [user, field] of cases) {
    const kubeconfig = await loadKubeconfig({
      path: await write(t, config('https://x.example', { user })),
      logger: silentLogger,
    });
    await assert.rejects(kubeconfig.connect('dev'), failure('kubeconfig.unsupported', { context: 'dev', field }));
  }
  const cluster = { 'proxy-url': 'socks4://proxy:1080' };
  const file = await write(t, config('https://x.example', { cluster }));
  const kubeconfig = await loadKubeconfig({ path: file, logger: silentLogger });
  await assert.rejects(kubeconfig.connect('dev'), failure('kubeconfig.unsupported', { field: 'proxy socks4:' }));
});

test('each way to say who we are reaches an http:// server, as with kubectl proxy', async t => {
  const tokenFile = await write(t, 'from-file\n');
  assert.equal((await headersOf(t, { user: { token: 'plain' } })).authorization, 'Bearer plain');
  assert.equal((await headersOf(t, { user: { tokenFile } })).authorization, 'Bearer from-file');
  assert.equal((await headersOf(t, { user: { tokenFile, token: 'wins' } })).authorization, 'Bearer wins');
  const basic = await headersOf(t, { user: { username: 'ann', password: 'pw' } });
  assert.equal(basic.authorization, `Basic ${Buffer.from('ann:pw').toString('base64')}`);
  const oidc = { 'auth-provider': { name: 'oidc', config: { 'id-token': 'a.b.c', 'refresh-token': 'r' } } };
  assert.equal((await headersOf(t, { user: oidc })).authorization, 'Bearer a.b.c');
  const as = await headersOf(t, { user: { token: 'plain', as: 'bob' } });
  assert.deepEqual([as.authorization, as['impersonate-user']], ['Bearer plain', 'bob']);
  assert.equal((await headersOf(t, {})).authorization, undefined);
});

test('a missing token file, certificate or sign-in is said before anything is sent', async t => {
  const server = await fakeServer(t);
  const cases: [Entries, RegExp][] = [
    [{ user: { tokenFile: '/nonexistent/token' } }, /\/nonexistent\/token/],
    [{ user: { 'client-certificate': '/nonexistent/crt' } }, /\/nonexistent\/crt/],
    [{ cluster: { 'certificate-authority': '/nonexistent/ca' } }, /\/nonexistent\/ca/],
    [{ user: { 'auth-provider': { name: 'oidc', config: { 'client-id': 'x' } } } }, /no id token/],
  ];
  for (const [entries, reason] of cases) {
    const kubeconfig = await loadKubeconfig({
      path: await write(t, config(server.origin, entries)),
      logger: silentLogger,
    });
    const api = await kubeconfig.connect('dev');
    await assert.rejects(api.get(PODS), failure('cluster.credentials', { context: 'dev', reason }));
    await api.close();
  }
  assert.deepEqual(server.requests, []);
});

test('CA and client certificate, as files and as data, also without a user', async t => {
  const ca = await createCertificateAuthority();
  const server = await FakeApiServer.start({
    ...(await ca.issue('api', ['127.0.0.1'])),
    ca: ca.pem,
    requestCert: true,
  });
  t.after(() => server.close());
  const names: unknown[] = [];
  server.routes.set(PODS, (request, response) => {
    const socket = request.socket as unknown as { getPeerCertificate(): { subject?: { CN: string } } };
    names.push(socket.getPeerCertificate().subject?.CN);
    FakeApiServer.json(response, 200, {});
  });
  const client = await ca.issue('ann', ['ann.example']);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const files = { ca: await write(t, ca.pem), cert: await write(t, client.cert), key: await write(t, client.key) };
  const cases: Entries[] = [
    {
      cluster: { 'certificate-authority': files.ca },
      user: { 'client-certificate': files.cert, 'client-key': files.key },
    },
    {
      cluster: { 'certificate-authority-data': base64(ca.pem), 'certificate-authority': '/nonexistent' },
      user: {
        'client-certificate-data': base64(client.cert),
        'client-key-data': base64(client.key),
        'client-certificate': '/nonexistent',
        'client-key': '/nonexistent',
      },
    },
  ];
  for (const entries of cases) {
    const kubeconfig = await loadKubeconfig({
      path: await write(t, config(server.origin, entries)),
      logger: silentLogger,
    });
    const api = await kubeconfig.connect('dev');
    await api.get(PODS);
    await api.close();
  }
  const anonymous = JSON.parse(config(server.origin, cases[0] ?? {})) as { contexts: { context: { user?: string } }[] };
  delete anonymous.contexts[0]?.context.user;
  const kubeconfig = await loadKubeconfig({ path: await write(t, JSON.stringify(anonymous)), logger: silentLogger });
  const api = await kubeconfig.connect('dev');
  await api.get(PODS);
  await api.close();
  assert.deepEqual(names, ['ann', 'ann', undefined]);
});

test('after a 401 the kubeconfig is read again: another program may have renewed its token', async t => {
  const server = await fakeServer(t);
  server.routes.set(PODS, (request, response) => {
    if (request.headers.authorization === 'Bearer new') FakeApiServer.json(response, 200, { items: [] });
    else FakeApiServer.status(response, 401, 'Unauthorized');
  });
  const file = await write(t, config(server.origin, { user: { token: 'old' } }));
  const kubeconfig = await loadKubeconfig({ path: file, logger: silentLogger });
  const api = await kubeconfig.connect('dev');
  t.after(() => api.close());
  await assert.rejects(api.get(PODS), failure('cluster.unauthorized'));
  await writeFile(file, config(server.origin, { user: { token: 'new' } }));
  assert.deepEqual(await api.get(PODS), { items: [] });
  await writeFile(file, config(server.origin, { user: { token: 'x', as: 'y', 'as-groups': ['z'] } }));
  server.routes.set(PODS, (_request, response) => FakeApiServer.status(response, 401, 'Unauthorized'));
  await assert.rejects(api.get(PODS), failure('kubeconfig.unsupported'));
});

test('an id token that is not accepted is never renewed here: that would spend the refresh token of kubectl', async t => {
  const server = await fakeServer(t);
  server.routes.set(PODS, (request, response) => {
    if (request.headers.authorization === 'Bearer new') FakeApiServer.json(response, 200, { items: [] });
    else FakeApiServer.status(response, 401, 'Unauthorized');
  });
  const issuer = { 'client-id': 'x', 'idp-issuer-url': server.origin, 'refresh-token': 'r' };
  const withToken = (token: string) =>
    config(server.origin, { user: { 'auth-provider': { name: 'oidc', config: { ...issuer, 'id-token': token } } } });
  const file = await write(t, withToken('old'));
  const kubeconfig = await loadKubeconfig({ path: file, logger: silentLogger });
  const api = await kubeconfig.connect('dev');
  t.after(() => api.close());
  await assert.rejects(api.get(PODS), failure('cluster.credentials', { context: 'dev', reason: /kubectl.* renews/ }));
  assert.deepEqual(server.requests, [`GET ${PODS}`], 'nothing to the issuer');
  await writeFile(file, withToken('new')); // kubectl did
  assert.deepEqual(await api.get(PODS), { items: [] });
});

test('credentials that were written for another server do not go to the one at hand', async t => {
  const [before, now] = [await fakeServer(t), await fakeServer(t)];
  before.routes.set(PODS, (_request, response) => FakeApiServer.status(response, 401, 'Unauthorized'));
  const file = await write(t, config(before.origin, { user: { token: 'old' } }));
  const kubeconfig = await loadKubeconfig({ path: file, logger: silentLogger });
  const api = await kubeconfig.connect('dev');
  t.after(() => api.close());
  await writeFile(file, config(now.origin, { user: { token: 'for-now' } }));
  await assert.rejects(api.get(PODS), failure('cluster.credentials', { reason: /another API server/ }));
  assert.deepEqual(
    before.headers.map(({ authorization }) => authorization),
    ['Bearer old'],
  );
  assert.deepEqual(now.requests, []);
});
