// `npm test [stage…]`: everything, or the named stages. The last line is `N passed, N failed`, and the exit code is 0
// only when nothing failed, every stage ran to its end and every stage had a test.
import { globSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildChecks, type Check, lintChecks, typeChecks } from './checks.ts';
import { runInHost } from './host/inHost.ts';
import { root } from './host/paths.ts';
import { runSuite, type SuiteOptions, type Tally } from './host/suite.ts';
import { pack } from './package.ts';

const MINUTE = 60_000;

/** In the order in which they run. `build` comes before the stages that use what it makes. */
const stages: Record<string, () => Promise<Tally>> = {
  lint: () => check(lintChecks),
  types: () => check(typeChecks),
  unit: () => suite('test/unit/**/*.test.ts', { concurrency: os.availableParallelism(), idleMs: MINUTE }),
  build: () => check(buildChecks, { inOrder: true }),
  integration: () => suite('test/integration/**/*.test.ts', { concurrency: 2, idleMs: 2 * MINUTE }),
  webviews: () => suite('test/webviews/**/*.test.ts', { concurrency: 1, idleMs: 2 * MINUTE }),
  host: () => runInHost(line => console.log(line)),
  e2e: endToEnd,
};
const BUILT = new Set(['integration', 'webviews', 'host', 'e2e']);

const { values, positionals } = parseArgs({ allowPositionals: true, options: { world: { type: 'string' } } });
if (values.world !== undefined) process.env.AGENT_ID_WORLD = path.resolve(values.world);
const unknown = positionals.filter(name => !(name in stages));
if (unknown.length > 0) {
  console.error(`There is no stage ${unknown.join(', ')}; there are ${Object.keys(stages).join(', ')}.`);
  process.exit(2);
}

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    interrupt.abort();
    setTimeout(() => process.exit(1), 1000); // what still runs has been told, and its guards see to the rest
  });

const wanted = new Set(positionals.length > 0 ? positionals : Object.keys(stages));
if ([...wanted].some(name => BUILT.has(name))) wanted.add('build');
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
const summary: string[] = [];
for (const [name, stage] of Object.entries(stages)) {
  if (!wanted.has(name)) continue;
  console.log(`\n── ${name}`);
  const started = Date.now();
  let tally: Tally;
  try {
    tally = await stage();
    if (tally.passed + tally.failed === 0) {
      tally.failed++;
      console.log('✖ No test ran in this stage.');
    }
  } catch (error) {
    tally = { passed: 0, failed: 1, skipped: 0 };
    console.log(`✖ The stage broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  total.passed += tally.passed;
  total.failed += tally.failed;
  const rest = tally.skipped > 0 ? `, ${tally.skipped} not applicable` : '';
  const seconds = Math.round((Date.now() - started) / 1000);
  summary.push(`${name.padEnd(12)} ${tally.passed} passed, ${tally.failed} failed${rest} (${seconds} s)`);
}
console.log(`\n── summary\n${summary.join('\n')}\n`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;

/** Each check is one test. They run side by side unless one needs what the one before it made. */
async function check(checks: readonly Check[], { inOrder = false } = {}): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  const one = async ({ name, run }: Check) => {
    const started = Date.now();
    const problem = await run().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    tally[problem === undefined ? 'passed' : 'failed']++;
    console.log(`${problem === undefined ? '✔' : '✖'} ${name}, ${((Date.now() - started) / 1000).toFixed(1)} s`);
    if (problem !== undefined) console.log(problem);
  };
  if (inOrder) for (const next of checks) await one(next);
  else await Promise.all(checks.map(one));
  return tally;
}

async function suite(pattern: string, options: Omit<SuiteOptions, 'files' | 'signal'>): Promise<Tally> {
  const files = globSync(pattern, { cwd: root }).sort();
  return runSuite({ ...options, files: files.map(file => path.join(root, file)), signal: interrupt.signal });
}

/** One file after the other: each has a VS Code and a browser of its own. All install the same package. */
async function endToEnd(): Promise<Tally> {
  process.env.AGENT_ID_VSIX = await pack();
  return suite('test/e2e/**/*.test.ts', { concurrency: 1, idleMs: 3 * MINUTE, verbose: true });
}
