import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import * as v from 'valibot';
import { parse } from 'yaml';
import { runScript } from './support/scripts.ts';

const ISSUER = 'https://issuer.example/1'; // what the stand-in's API server says of itself
const kindConfig = v.object({ kubeadmConfigPatches: v.array(v.string()) });
const kubeadmPatch = v.object({
  apiVersion: v.string(),
  kind: v.literal('ClusterConfiguration'),
  apiServer: v.object({ extraArgs: v.unknown() }),
});
const up = (t: TestContext, args: string[], options: { fail?: string; environment?: Record<string, string> } = {}) =>
  runScript(t, 'kind/up.sh', { args, ...options });

test('makes the cluster with the issuer, and says what to publish and which credential to create', async t => {
  const run = await up(t, ['--issuer', ISSUER]);
  assert.equal(run.status, 0, run.stderr);
  const created = run.calls.find(
    each => each.program === 'kind' && each.args.join(' ') === 'create cluster --name agent-id --config -',
  );
  const { kubeadmConfigPatches } = v.parse(kindConfig, parse(created?.text ?? ''));
  const [older, newer] = kubeadmConfigPatches.map(patch => v.parse(kubeadmPatch, parse(patch)));
  const given = { 'service-account-issuer': ISSUER, 'service-account-jwks-uri': `${ISSUER}/openid/v1/jwks` };
  assert.deepEqual([older?.apiVersion, older?.apiServer.extraArgs], ['kubeadm.k8s.io/v1beta3', given]);
  const list = Object.entries(given).map(([name, value]) => ({ name, value }));
  assert.deepEqual([newer?.apiVersion, newer?.apiServer.extraArgs], ['kubeadm.k8s.io/v1beta4', list]);
  assert.match(
    run.stderr,
    /\/oidc\/jwks +at +https:\/\/issuer\.example\/1\/openid\/v1\/jwks\nThe keys are published at/,
  );
  assert.match(
    run.stderr,
    /issuer +https:\/\/issuer\.example\/1\n +subject +system:serviceaccount:agent-id:agent-blueprint\n/,
  );
  assert.deepEqual(
    run.calls.filter(each => each.program === 'az'),
    [],
  );
});

test('keys that are not published are said before anybody waits for Entra', async t => {
  const run = await up(t, ['--issuer', ISSUER], { environment: { PUBLISHED: '{"keys":["of an older cluster"]}' } });
  assert.equal(run.status, 0);
  assert.match(run.stderr, /Not there yet: https:\/\/issuer\.example\/1\/openid\/v1\/jwks/);
});

test('with a storage account it publishes both documents, unless the cluster has another issuer', async t => {
  const run = await up(t, ['--storage-account', 'contosooidc']);
  assert.equal(run.status, 1);
  assert.match(run.stderr, /The cluster agent-id has another issuer: .*issuer\.example/);
  assert.deepEqual(
    run.calls.filter(each => each.program === 'az'),
    [],
  );
  const issuer = 'https://contosooidc.blob.core.windows.net/oidc';
  const done = await up(t, ['--storage-account', 'contosooidc'], { environment: { ISSUER: issuer } });
  assert.equal(done.status, 0, done.stderr);
  const [account, container, ...uploads] = done.calls
    .filter(each => each.program === 'az')
    .map(each => each.args.join(' '));
  assert.match(account ?? '', /^storage account show --name contosooidc /);
  assert.match(
    container ?? '',
    /^storage container-rm create --storage-account \/subscriptions\/\S+ --name oidc --public-access blob /,
  );
  assert.deepEqual(
    uploads.map(line => / --name (\S+)/.exec(line)?.[1]),
    ['.well-known/openid-configuration', 'openid/v1/jwks'],
  );
  for (const line of uploads) assert.match(line, / --overwrite .*--content-type application\/json /);
});

test('an issuer that Entra could not match or reach is refused', async t => {
  for (const [issuer, says] of [
    ['https://issuer.example/1/', /must not end in a slash/],
    ['http://issuer.example', /must be an https address/],
  ] as const) {
    const run = await up(t, ['--issuer', issuer]);
    assert.deepEqual([run.status, run.calls], [1, []]);
    assert.match(run.stderr, says);
  }
  assert.equal((await up(t, [])).status, 2);
});
