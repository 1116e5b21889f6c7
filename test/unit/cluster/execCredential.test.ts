import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../../../src/base/logger.ts';
import { runCredentialPlugin, type PluginRun } from '../../../src/cluster/execCredential.ts';
import { loadKubeconfig } from '../../../src/cluster/kubeconfig.ts';
import { createCertificateAuthority } from '../../../src/sandbox/ca.ts';
import { failure } from './support/failure.ts';
import { FakeApiServer } from './support/fakeApiServer.ts';
import { config, fakeServer, plugin, write } from './support/kubeconfig.ts';

const PODS = '/api/v1/namespaces/ns/pods';
const API_VERSION = 'client.authentication.k8s.io/v1';

test('a credential plugin runs once for many callers, knows what kubectl would tell it, and runs again after a 401', async t => {
  const server = await fakeServer(t);
  const script = await plugin(
    t,
    `process.stderr.write('choosing an account');
     setTimeout(() => answer({ token: [run, process.argv[2], process.env.EXTRA, info.spec.interactive, info.spec.cluster?.server].join('|') }), 80);`,
  );
  const exec = {
    apiVersion: API_VERSION,
    command: script.command,
    args: ['get-token'],
    env: [{ name: 'EXTRA', value: 'yes' }],
    provideClusterInfo: true,
  };
  const said: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => said.push(line) };
  const kubeconfig = await loadKubeconfig({ path: await write(t, config(server.origin, { user: { exec } })), logger });
  const api = await kubeconfig.connect('dev');
  t.after(() => api.close());
  await Promise.all(Array.from({ length: 20 }, () => api.get(PODS)));
  assert.equal(await script.runs(), 1);
  assert.equal(server.headers[0]?.authorization, `Bearer 1|get-token|yes|false|${server.origin}`);
  assert.deepEqual(said, [`credential plugin ${script.command}: choosing an account`]);

  server.routes.set(PODS, (request, response) => {
    if (request.headers.authorization?.startsWith('Bearer 1|')) FakeApiServer.status(response, 401, 'Unauthorized');
    else FakeApiServer.json(response, 200, { items: [] });
  });
  await Promise.all(Array.from({ length: 5 }, () => api.get(PODS)));
  assert.equal(await script.runs(), 2);
});

test('a plugin’s credential is renewed shortly before it expires, and its certificate is used', async t => {
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
  const certificates = [await ca.issue('one', ['a']), await ca.issue('two', ['a'])];
  const script = await plugin(
    t,
    `const { cert, key } = ${JSON.stringify(certificates)}[Math.min(run, 2) - 1];
     const expirationTimestamp = new Date(Date.now() + (run === 1 ? 9_000 : 3_600_000)).toISOString();
     answer({ clientCertificateData: cert, clientKeyData: key, expirationTimestamp });`,
  );
  const entries = {
    cluster: { 'certificate-authority-data': Buffer.from(ca.pem).toString('base64') },
    user: { exec: { apiVersion: API_VERSION, command: script.command } },
  };
  const kubeconfig = await loadKubeconfig({
    path: await write(t, config(server.origin, entries)),
    logger: silentLogger,
  });
  const api = await kubeconfig.connect('dev');
  t.after(() => api.close());
  for (let round = 0; round < 3; round++) await api.get(PODS);
  assert.deepEqual(names, ['one', 'two', 'two']);
  assert.equal(await script.runs(), 2);
});

test('what goes wrong with a plugin is told apart, and no token is shown', async t => {
  const server = await fakeServer(t);
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
  const cases: [string, RegExp][] = [
    [
      `process.stderr.write('AADSTS700016: no application ${token}'); process.exit(3);`,
      /exit code 3: AADSTS700016: no application ‹token›/,
    ],
    [`console.log('not json ${token}');`, /not an ExecCredential/],
    [
      `console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1beta1', kind: 'ExecCredential', status: { token: 'x' } }));`,
      /v1beta1/,
    ],
    [`answer({});`, /neither a token/],
    [`answer({ token: 'x', expirationTimestamp: 'soon' });`, /not a date/],
  ];
  const attempt = async (command: string, installHint?: string) => {
    const user = { exec: { apiVersion: API_VERSION, command, ...(installHint ? { installHint } : {}) } };
    const kubeconfig = await loadKubeconfig({
      path: await write(t, config(server.origin, { user })),
      logger: silentLogger,
    });
    const api = await kubeconfig.connect('dev');
    t.after(() => api.close());
    return api.get(PODS);
  };
  for (const [body, reason] of cases) {
    const { command } = await plugin(t, body);
    await assert.rejects(attempt(command), (error: unknown) => {
      failure('cluster.pluginFailed', { command, reason })(error);
      assert.ok(!String(error).includes(token));
      return true;
    });
  }
  await assert.rejects(
    attempt('no-such-plugin-anywhere', 'Get it from your platform team'),
    failure('cluster.pluginMissing', { command: 'no-such-plugin-anywhere', hint: 'Get it from your platform team' }),
  );
  assert.deepEqual(server.requests, []);
});

test('a caller that leaves ends the plugin that nobody else waits for', async t => {
  const server = await fakeServer(t);
  const script = await plugin(t, 'setTimeout(() => answer({ token: "late" }), 20_000);');
  const user = { exec: { apiVersion: API_VERSION, command: script.command } };
  const kubeconfig = await loadKubeconfig({
    path: await write(t, config(server.origin, { user })),
    logger: silentLogger,
  });
  const api = await kubeconfig.connect('dev');
  t.after(() => api.close());
  const since = Date.now();
  await assert.rejects(api.get(PODS, AbortSignal.timeout(300)), { name: 'TimeoutError' });
  assert.ok(Date.now() - since < 5_000);
});

test('what a plugin says reaches the person while it runs, whatever pieces it comes in', async t => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
  const script = await plugin(
    t,
    `process.stderr.write('\\u001b[33mopen https://microsoft.com/devicelogin and ');
     setTimeout(() => process.stderr.write('enter the code ABCD-1234\\u0007 ${token}'), 50);
     setTimeout(() => {}, 20_000);`,
  );
  const seen: string[] = [];
  const runs: PluginRun[] = [];
  const watch = (run: PluginRun) => {
    runs.push(run);
    run.onOutput(text => seen.push(text));
  };
  const exec = { apiVersion: API_VERSION, command: script.command, args: [], env: [] };
  const running = runCredentialPlugin(exec, {}, { logger: silentLogger, watch }, new AbortController().signal);
  while (!seen.at(-1)?.includes('ABCD')) await sleep(20);
  assert.equal(seen.at(-1), 'open https://microsoft.com/devicelogin and enter the code ABCD-1234 ‹token›');
  runs[0]?.cancel();
  await assert.rejects(running, failure('cancelled'));
  await runs[0]?.ended;
});

test('a plugin that says nothing has less time than one that waits for a person, and both have an end', async t => {
  const signal = new AbortController().signal;
  const run = async (body: string) => {
    const { command } = await plugin(t, body);
    const exec = { apiVersion: API_VERSION, command, args: [], env: [] };
    return runCredentialPlugin(exec, {}, { logger: silentLogger, times: { silent: 1_500, speaking: 6_000 } }, signal);
  };
  const forever = 'setTimeout(() => {}, 60_000);';
  await Promise.all([
    assert.rejects(run(forever), failure('cluster.pluginFailed', { reason: 'no answer within 1.5 s' })),
    assert.rejects(
      run(`process.stderr.write('enter the code ABCD-1234'); ${forever}`),
      failure('cluster.pluginFailed', { reason: 'no answer within 6 s; it said: enter the code ABCD-1234' }),
    ),
    assert.doesNotReject(run(`process.stderr.write('wait'); setTimeout(() => answer({ token: 'x' }), 2_500);`)),
  ]);
});
