import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startGateway } from '../../src/sandbox/gateway/gateway.ts';
import { compare } from '../policy/compare.ts';
import { describeCase } from '../policy/report.ts';
import { createMatrix } from '../policy/matrix.ts';
import { createKeys } from '../policy/tokens.ts';
import { startUpstream } from '../policy/upstream.ts';

/*
 * The simulated gateway evaluates rules with another CEL library than our preflight, and shares no code with it. Here
 * both judge the same tokens by the same file: where they differ, one of us is wrong about AgentGateway.
 */

/** `POLICY_SEED` repeats a run that failed. */
const SEED = Number(process.env.POLICY_SEED ?? 20_261_125);

test(`the preflight says what the gateway does (POLICY_SEED=${SEED})`, async t => {
  const upstream = await startUpstream(0);
  t.after(() => upstream.close());
  const directory = await mkdtemp(path.join(tmpdir(), 'policy-test-'));
  t.after(() => rm(directory, { recursive: true }));
  const now = Math.floor(Date.now() / 1000);
  const matrix = await createMatrix({
    seed: SEED,
    keys: await createKeys(),
    upstream: upstream.origin,
    port: 3000,
    now,
  });
  assert.ok(matrix.cases.length >= 500, `${matrix.cases.length} cases`);
  const file = path.join(directory, 'policy.yaml');
  await writeFile(file, matrix.file);
  const clock = { now: () => now * 1000 }; // it stands still: no token expires on a slow machine
  const gateway = await startGateway({ file, port: 0, clock });
  t.after(() => gateway.close());

  const { cases, unknown, differences } = await compare(matrix, gateway.origin, clock.now);
  const [first] = differences;
  assert.equal(differences.length, 0, first && `${describeCase(first)}\n(POLICY_SEED=${SEED})`);
  for (const { reason } of unknown)
    assert.match(reason, /request\.headers/, 'only what the gateway alone sees is open');
  assert.ok(unknown.length <= cases * 0.05, `${unknown.length} of ${cases} unknown`);
});
