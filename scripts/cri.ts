// `npm run test:cri`: the tunnel against containerd's real streaming server, from Debian packages. Root on Linux only, and
// no part of `npm test`.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root } from './host/paths.ts';
import { runSuite } from './host/suite.ts';

const PACKAGES = 'containerd runc containernetworking-plugins iptables iproute2 gcc libc6-dev';
const TOOLS = ['containerd', 'ctr', 'runc', 'ip', 'gcc', 'tar'];

const missing = TOOLS.filter(tool => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
if (process.platform !== 'linux' || process.getuid?.() !== 0) console.log('not run: needs root');
else if (missing.length > 0)
  console.log(`not run: ${missing.join(', ')} missing: apt-get install --no-install-recommends ${PACKAGES}`);
else {
  const files = [path.join(root, 'test', 'cri', 'tunnel.test.ts')];
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());
  const options = { files, concurrency: 1, idleMs: 2 * 60_000, verbose: true, signal: interrupt.signal };
  const { passed, failed } = await runSuite(options);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
