import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const at = (path: string) => new URL(path, import.meta.url).href;

/** Runs a module of its own in a fresh process; what it throws fails the test. */
async function inFreshProcess(source: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', source], {
    env: { ...process.env, ...env },
    timeout: 30_000,
  });
  return stdout.trim();
}

const DISPATCHERS = `
const keys = [1, 2].map(version => Symbol.for('undici.globalDispatcher.' + version));
const dispatchers = () => keys.map(key => globalThis[key]);
`;

test('loading the libraries leaves the dispatcher of the process as it was', async () => {
  for (const load of ['loadUndici', 'loadKubernetesClient'])
    for (const used of ['', 'new Response();', "await fetch('data:,');"])
      await inFreshProcess(`
        import assert from 'node:assert/strict';
        ${DISPATCHERS}
        ${used}
        const before = dispatchers();
        const libraries = await import(${JSON.stringify(at('../../../src/cluster/libraries.ts'))});
        await libraries.${load}();
        const undici = await libraries.loadUndici();
        dispatchers().forEach((dispatcher, index) => assert.equal(dispatcher, before[index] ?? dispatcher));
        assert.ok(!(globalThis[keys[0]] instanceof undici.Agent), 'the built-in fetch has its own');

        // And it shows: the built-in fetch opens its connection without our undici having a hand in it.
        const http = await import('node:http'); // not before: it wakes the built-in fetch by itself
        let ours = 0;
        const dispatch = undici.Client.prototype.dispatch;
        undici.Client.prototype.dispatch = function (...args) { ours++; return dispatch.apply(this, args); };
        const server = http.createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
        await new Promise(resolve => server.once('listening', resolve));
        const url = 'http://127.0.0.1:' + server.address().port;
        assert.equal(await (await fetch(url)).text(), 'ok');
        assert.equal(ours, 0);
        const agent = new undici.Agent();
        assert.equal(await (await undici.fetch(url, { dispatcher: agent })).text(), 'ok');
        assert.equal(ours, 1);
        await agent.close();
        server.closeAllConnections();
        server.close();
      `);
});

test('a dispatcher that somebody else has set stays theirs', async () => {
  await inFreshProcess(`
    import assert from 'node:assert/strict';
    ${DISPATCHERS}
    new Response();
    const theirs = { dispatch() { throw new Error('theirs'); } };
    for (const key of keys) if (globalThis[key]) globalThis[key] = theirs;
    const had = dispatchers();
    const { loadUndici, loadKubernetesClient } = await import(${JSON.stringify(at('../../../src/cluster/libraries.ts'))});
    await loadUndici();
    await loadKubernetesClient();
    assert.equal(globalThis[keys[0]], theirs);
    had.forEach((dispatcher, index) => dispatcher && assert.equal(dispatchers()[index], dispatcher));
  `);
});

/** TCP and Unix sockets in the state "listening" that this process holds, by inode (proc(5)). */
async function listeningInodes(): Promise<string[]> {
  if (process.platform !== 'linux') return []; // elsewhere the list of active resources has to do
  const held = new Set<string>();
  for (const name of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${name}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode) held.add(inode);
  }
  const found: string[] = [];
  for (const table of ['tcp', 'tcp6', 'unix']) {
    const lines = (await readFile(`/proc/self/net/${table}`, 'utf8')).split('\n').slice(1);
    for (const line of lines) {
      const fields = line.trim().split(/\s+/);
      // tcp: field 3 is the state, 0A = LISTEN, field 9 the inode; unix: field 3 the flags, bit 16 = accepting, field 6 the inode.
      const [listening, inode] =
        table === 'unix'
          ? [(parseInt(fields[3] ?? '0', 16) & 0x1_0000) !== 0, fields[6]]
          : [fields[3] === '0A', fields[9]];
      if (listening && inode && held.has(inode)) found.push(`${table} ${line.trim()}`);
    }
  }
  return found;
}

test('a process that serves requests through a tunnel listens on nothing', async () => {
  // The fake cluster listens in this process; the tunnel lives in the other.
  const { FakeApiServer } = await import('./support/fakeApiServer.ts');
  const { Backend } = await import('./support/world.ts');
  const server = await FakeApiServer.start();
  const backend = await Backend.start((_request, response) => response.end('ok'));
  server.backends.set('pod-a', backend.port);
  if (process.platform === 'linux') assert.ok((await listeningInodes()).length >= 2, 'the search finds what is there');
  try {
    const output = await inFreshProcess(
      `
      import { readFile, readdir, readlink } from 'node:fs/promises';
      import { silentLogger } from ${JSON.stringify(at('../../../src/base/logger.ts'))};
      import { HttpKubeApi } from ${JSON.stringify(at('../../../src/cluster/kubeApi.ts'))};
      import { openTunnel } from ${JSON.stringify(at('../../../src/cluster/tunnel.ts'))};
      ${listeningInodes.toString()}
      const access = { headers: {}, tls: {} };
      const credentials = { get: async () => access, renew: async () => access };
      const api = new HttpKubeApi({ context: 'c', server: process.env.SERVER, credentials });
      const tunnel = await openTunnel({ api, name: 'sidecar', namespace: 'ns', selector: { a: 'b' }, port: 5000, connections: 4, logger: silentLogger });
      const answers = await Promise.all([1, 2, 3].map(() => tunnel.fetch('http://sidecar.invalid/').then(answer => answer.text())));
      const listening = await listeningInodes();
      const handles = process.getActiveResourcesInfo().filter(name => /Server/.test(name));
      await tunnel.close();
      await api.close();
      console.log(JSON.stringify({ answers, listening, handles }));
      `,
      { SERVER: server.origin },
    );
    assert.deepEqual(JSON.parse(output), { answers: ['ok', 'ok', 'ok'], listening: [], handles: [] });
  } finally {
    await backend.close();
    await server.close();
  }
});
