import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../../../src/base/logger.ts';
import { runCredentialPlugin } from '../../../src/cluster/execCredential.ts';
import { loadKubeconfig } from '../../../src/cluster/kubeconfig.ts';
import type { PluginRun, PluginTimes } from '../../../src/cluster/pluginProcess.ts';
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
    [`setInterval(() => process.stdout.write('x'.repeat(200_000)), 1);`, /does not end/],
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

/** Starts `command` as a plugin; `seen` has what it said so far, `run` is how the person sees it. */
function start(command: string, cluster: Parameters<typeof runCredentialPlugin>[1] = {}, times?: PluginTimes) {
  const seen: string[] = [];
  const runs: PluginRun[] = [];
  const watch = (run: PluginRun) => {
    runs.push(run);
    run.onOutput(text => seen.push(text));
  };
  const exec = { apiVersion: API_VERSION, command, args: [], env: [], provideClusterInfo: true };
  const options = { logger: silentLogger, watch, ...(times && { times }) };
  const credential = runCredentialPlugin(exec, cluster, options, new AbortController().signal);
  return { credential, seen, cancel: () => runs[0]?.cancel(), ended: () => runs[0]?.ended };
}

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('a plugin that asks for it is told of the cluster what kubectl would tell it', async t => {
  const { command } = await plugin(t, 'answer({ token: JSON.stringify(info.spec.cluster) });');
  const extension = { audience: 'api://x' };
  const entry = {
    server: 'https://api.example',
    'tls-server-name': 'name.example',
    extensions: [{ name: 'cluster_info' }, { name: 'client.authentication.k8s.io/exec', extension }],
  };
  const told = async (more: object) => {
    const { token = '' } = await start(command, { ...entry, ...more }).credential;
    return JSON.parse(token) as object;
  };
  const common = { server: 'https://api.example', 'tls-server-name': 'name.example', config: extension };
  const data = Buffer.from('a certificate').toString('base64');
  assert.deepEqual(await told({ 'certificate-authority': await write(t, 'a certificate') }), {
    ...common,
    'certificate-authority-data': data,
  });
  assert.deepEqual(await told({ 'certificate-authority-data': data }), {
    ...common,
    'certificate-authority-data': data,
  });
  assert.deepEqual(await told({ 'certificate-authority': '/nonexistent' }), common);
});

test('the answer counts when the plugin has ended, also while a browser that it opened holds its stderr', async t => {
  const { command } = await plugin(
    t,
    `const { spawn } = await import('node:child_process');
     const browser = spawn('sleep', ['30'], { detached: true, stdio: ['ignore', 'ignore', 'inherit'] });
     browser.unref();
     process.stderr.write(String(browser.pid));
     answer({ token: 'x' });`,
  );
  const since = Date.now();
  const { credential, seen } = start(command);
  assert.deepEqual(await credential, { token: 'x' });
  assert.ok(Date.now() - since < 10_000);
  const browser = Number(seen.at(-1));
  assert.ok(isRunning(browser), 'it is the person’s');
  process.kill(browser);
});

test('a cancel ends what the plugin has started as well', async t => {
  const { command } = await plugin(
    t,
    `const { spawn } = await import('node:child_process');
     process.stderr.write(String(spawn('sleep', ['60'], { stdio: 'inherit' }).pid));`,
  );
  const { credential, seen, cancel } = start(command);
  while (!seen.at(-1)) await sleep(20);
  const child = Number(seen.at(-1));
  assert.ok(isRunning(child));
  cancel();
  await assert.rejects(credential, failure('cancelled'));
  while (isRunning(child)) await sleep(20);
});

test('what a plugin says reaches the person while it runs, whatever pieces it comes in', async t => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
  const script = await plugin(
    t,
    `process.stderr.write('\\u001b[33mopen https://microsoft.com/devicelogin and ');
     setTimeout(() => process.stderr.write('enter the code ABCD-1234\\u0007 ${token}'), 50);
     setTimeout(() => {}, 20_000);`,
  );
  const { credential, seen, cancel, ended } = start(script.command);
  while (!seen.at(-1)?.includes('ABCD')) await sleep(20);
  assert.equal(seen.at(-1), 'open https://microsoft.com/devicelogin and enter the code ABCD-1234 ‹token›');
  cancel();
  await assert.rejects(credential, failure('cancelled'));
  await ended();
});

test('a plugin that says nothing has less time than one that waits for a person, and both have an end', async t => {
  const run = async (body: string) => {
    const { command } = await plugin(t, body);
    return start(command, {}, { silent: 1_500, speaking: 6_000 }).credential;
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
