import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseObjects } from './support/kustomize.ts';
import { K8S } from './support/manifests.ts';
import { kubernetesValidator } from './support/schemas.ts';
import { ENV, envText, runScript } from './support/scripts.ts';

const guide = await readFile(join(K8S, '../docs/setup-cluster.md'), 'utf8');
/** The YAML blocks of the section, without what they are indented by. */
const blocks = [...guide.split('## Managed identity instead')[1]!.matchAll(/^ {3}```yaml\n(.*?)^ {3}```/gms)].map(
  match => (match[1] ?? '').replace(/^ {3}/gm, ''),
);

test('what the guide writes for a managed identity can be put where it says', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'agent-id-managed-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const k8s = join(folder, 'k8s');
  await cp(K8S, k8s, { recursive: true });
  const edit = async (name: string, replaced: RegExp, text: string, indent: string) => {
    const file = join(k8s, 'base', name);
    const before = await readFile(file, 'utf8');
    assert.match(before, replaced, name);
    await writeFile(file, before.replace(replaced, text.replace(/^/gm, indent).trimEnd() + '\n'));
  };
  const [settings = '', placement = '', ...more] = blocks;
  assert.deepEqual(more, []);
  await edit('sidecar-config.yaml', /(^ {2}AzureAd__ClientCredentials__0__.*\n){2}/m, settings, '  ');
  await edit('research-agent.yaml', /^ {6}nodeSelector:\n {8}kubernetes\.io\/os: linux\n/m, placement, '      ');

  const run = await runScript(t, 'deploy.sh', {
    env: envText(ENV),
    args: ['--dry-run', '--overlay', 'aks'],
    folder: k8s,
  });
  assert.equal(run.status, 0, run.stderr);
  const objects = parseObjects(run.stdout);
  const problems = kubernetesValidator('1.37');
  for (const object of objects) assert.deepEqual(problems(object), [], object.metadata.name);
  const sidecar = objects.find(each => each.metadata.name === 'agent-id-sidecar');
  assert.doesNotMatch(JSON.stringify(sidecar), /SignedAssertionFile/);
  assert.match(
    JSON.stringify(sidecar),
    /"AzureAd__ClientCredentials__0__SourceType":"SignedAssertionFromManagedIdentity"/,
  );
  const agent = JSON.stringify(objects.find(each => each.metadata.name === 'research-agent'));
  assert.match(
    agent,
    /"nodeSelector":{"kubernetes\.io\/os":"linux","agent-id":"only","kubernetes\.io\/arch":"amd64"},"tolerations":\[{"key":"agent-id","value":"only","effect":"NoSchedule"}\]/,
  );
});
