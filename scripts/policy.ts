// `npm run test:policy`: what the preflight says, compared with what a gateway does, over generated tokens and rules. Without
// `--gateway-url` against the simulated gateway; with it against any AgentGateway 1.4 that serves the file of `--write`.
// The last line is `N passed, N failed`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startGateway } from '../src/sandbox/gateway/gateway.ts';
import { compare } from '../test/policy/compare.ts';
import { createMatrix } from '../test/policy/matrix.ts';
import { describeCase } from '../test/policy/report.ts';
import { createKeys, type Keys } from '../test/policy/tokens.ts';
import { startUpstream } from '../test/policy/upstream.ts';
import { temporaryDirectory } from './host/processes.ts';

const { values: flags } = parseArgs({
  options: {
    'gateway-url': { type: 'string' },
    write: { type: 'string' },
    seed: { type: 'string', default: '20261125' },
    'upstream-port': { type: 'string', default: '3055' },
  },
});
const seed = Number(flags.seed);
const url = flags['gateway-url'];
const directory = path.resolve(flags.write ?? temporaryDirectory('policy').path); // a temporary one goes with the process
mkdirSync(directory, { recursive: true });
const file = path.join(directory, 'policy.yaml');

const upstream = await startUpstream(url === undefined && !flags.write ? 0 : Number(flags['upstream-port']));
const port = Number(url === undefined ? 3000 : new URL(url).port || 80);
const now = Math.floor(Date.now() / 1000);
const matrix = await createMatrix({ seed, keys: await keysIn(directory), upstream: upstream.origin, port, now });
writeFileSync(file, matrix.file);
if (flags.write) writeFileSync(path.join(directory, 'README.md'), readme());

const simulated = url === undefined ? await startGateway({ file, port: 0 }) : undefined;
const origin = simulated?.origin ?? new URL(url ?? '').origin;
try {
  if (!simulated) await answering(origin);
  const { cases, unknown, differences } = await compare(matrix, origin);
  for (const difference of differences) console.log(describeCase(difference));
  if (unknown.length > 0) {
    console.log(`\nNot compared, because only the gateway sees what they depend on: ${unknown.length}`);
    for (const reason of new Set(unknown.map(item => item.reason))) console.log(`  ${reason}`);
  }
  const failed = new Set(differences.map(difference => difference.case)).size;
  const open = new Set(unknown.map(item => item.case)).size;
  console.log(
    `\nseed ${seed}, ${cases} cases, ${open} not compared\n${cases - open - failed} passed, ${failed} failed`,
  );
  process.exitCode = failed > 0 ? 1 : 0;
} finally {
  await simulated?.close();
  await upstream.close();
}

/** The keys of an earlier run, so that a gateway which was started on its file takes the tokens of this one. */
async function keysIn(folder: string): Promise<Keys> {
  const store = path.join(folder, 'test-keys.json');
  if (existsSync(store)) return JSON.parse(readFileSync(store, 'utf8')) as Keys;
  const keys = await createKeys();
  writeFileSync(store, JSON.stringify(keys), { mode: 0o600 });
  return keys;
}

/** Waits for the gateway, which may be started after this program has written its file. */
async function answering(target: string): Promise<void> {
  console.error(`Waiting for a gateway at ${target}: agentgateway -f ${file}`);
  for (const end = Date.now() + 5 * 60_000; Date.now() < end; await sleep(500)) {
    const answer = await fetch(`${target}/nothing`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer) return;
  }
  throw new Error(`Nothing answers at ${target}.`);
}

function readme(): string {
  return `# The gateway's file for the policy matrix

\`policy.yaml\` is one AgentGateway 1.4 file: a route for each set of rules, with the public keys inside. \`test-keys.json\` has
the private ones, which sign nothing but the tokens of this matrix.

1. Start the gateway on this machine: \`agentgateway -f policy.yaml\`. It listens on port ${port}.
2. \`npm run test:policy -- --write . --gateway-url http://127.0.0.1:${port} --seed ${seed} --upstream-port ${new URL(upstream.origin).port}\`,
   with the path of this folder in place of the dot. The script plays what stands behind the gateway, so it has to run on the same
   machine (or in the same network namespace) as the gateway.

The same seed and keys give the same file. Differences are printed with the route and the claims.
`;
}
