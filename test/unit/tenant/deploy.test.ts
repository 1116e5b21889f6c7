import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { useTenant } from './support.ts';

const it = useTenant();
const k8s = path.join(import.meta.dirname, '..', '..', '..', 'k8s');

test('deploy.sh takes the .env as it is written', async () => {
  assert.equal((await it.setup('--agent', 'research', '--agent', 'intern')).code, 0);
  const script =
    '. "$1/env.sh"; load_env "$2" "$1/base"; printf "%s\\n" "$problems" "$BLUEPRINT_APP_ID" "$AGENT_APP_IDS"';
  const done = spawnSync('sh', ['-euc', script, 'sh', k8s, it.env], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  const ids = ['RESEARCH', 'INTERN'].map(name => `'${it.readEnv(`${name}_AGENT_APP_ID`)}'`);
  assert.deepEqual(done.stdout.trimEnd().split('\n'), ['', it.readEnv('BLUEPRINT_APP_ID'), ids.join(',')]);
});
