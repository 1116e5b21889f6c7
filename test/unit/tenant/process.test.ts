import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { TENANT } from './directory.ts';
import { useTenant } from './support.ts';

const it = useTenant();
const script = path.join(import.meta.dirname, '..', '..', '..', 'scripts', 'tenant.ts');

/** The command as a process of its own, with its own clock, whose requests come to the stand-in. */
function command(...args: string[]) {
  const redirect = `const real = fetch; globalThis.fetch = (input, init) => {
    const { host, pathname, search } = new URL(input);
    return real(${JSON.stringify(it.origin)} + '/' + host + pathname + search, init);
  };`;
  const preload = `data:text/javascript,${encodeURIComponent(redirect)}`;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', preload, script, ...args, '--env', it.env],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  return { child, ended, said: () => said };
}

test('runs as a process from beginning to end', async () => {
  const { ended, said } = command('setup', '--tenant', TENANT);
  assert.deepEqual((await ended)[0], 0, said());
  assert.match(said(), /The ids are in/);
  assert.equal(it.state.apps.length, 3);
});

test('goes through the proxy of the environment', async t => {
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'); // nothing of this leaves the machine
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const child = spawn(process.execPath, [script, 'check', '--tenant', TENANT, '--env', it.env], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HTTPS_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: '', no_proxy: '' },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.equal(code, 1, said);
  assert.deepEqual([...new Set(asked)], ['login.microsoftonline.com:443']);
});

test('Ctrl+C, which the launcher passes on once more, leaves no secret behind', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.secretNotYet = 100;
  const { child, ended, said } = command('setup', '--tenant', TENANT);
  const asked = () => it.state.log.filter(line => line.endsWith('/token')).length > 1;
  while (!asked() && child.exitCode === null) await new Promise(resolve => setTimeout(resolve, 20));
  child.kill('SIGINT');
  child.kill('SIGINT');
  assert.deepEqual((await ended)[0], 1, said());
  assert.match(said(), /The temporary secret is removed[\s\S]*Stopped\./);
  assert.deepEqual(it.state.apps.find(app => app.blueprint)?.passwords, []);
});
