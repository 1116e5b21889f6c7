import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readManifests, render } from '../../../src/sandbox/kube/manifests.ts';
import { K8S, renderScript, VALUES } from './support/manifests.ts';

test('a value goes in as it is, whatever is in it', () => {
  const value = 'a&b\\1/"$HOME" ${TWO}';
  assert.deepEqual(renderScript('x: "${ONE}-${ONE}"\ny: ${TWO}\n', { ONE: value, TWO: '2' }), {
    status: 0,
    stdout: `x: "${value}-${value}"\ny: 2\n`,
    stderr: '',
  });
});

test('what is no variable stays', () => {
  const text = '$ONE ${one} $schema {ONE} $${ $\n\n# ${ONE}\n';
  assert.equal(renderScript(text, { ONE: '1' }).stdout, text.replace('${ONE}', '1'));
});

test('every missing name is said, and nothing is written', () => {
  const { status, stdout, stderr } = renderScript('a ${ONE}\n${TWO} ${THREE} ${TWO}\n', { ONE: '1', THREE: '' });
  assert.deepEqual([status, stdout, stderr], [1, '', 'The manifests need a value for TWO, THREE.\n']);
});

test('explains itself in place of waiting for a text', () => {
  for (const [option, status] of [
    ['--help', 0],
    ['base/role.yaml', 2],
  ] as const) {
    const run = spawnSync('sh', [join(K8S, 'render.sh'), option], { encoding: 'utf8', input: '' });
    assert.deepEqual([run.status, run.stdout], [status, '']);
    assert.match(run.stderr, /^Usage: .* fills in \$\{VAR\} from the environment$/m);
  }
});

test('the cluster and the sandbox get the same text', async () => {
  for (const text of await readManifests(join(K8S, 'base')))
    assert.equal(renderScript(text, VALUES).stdout, render(text, VALUES));
  const example = await readFile(join(K8S, 'examples/role-binding.yaml'), 'utf8');
  assert.equal(renderScript(example, VALUES).stdout, render(example, VALUES));
});
