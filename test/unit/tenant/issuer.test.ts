import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ISSUER, TENANT } from './directory.ts';
import { useTenant } from './support.ts';

const it = useTenant();

test('an issuer that differs by a slash from what the cluster says is refused before anything is made', async () => {
  it.state.faults.issuer = `${ISSUER}/`;
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /can not be right: the cluster calls itself https:\/\/oidc\.example\.com\/cluster\/, which/);
  assert.match(seen, /docs\/setup-cluster\.md/);
  assert.deepEqual(it.state.mutations(), []);
});

test('the issuer may change its name later: check says so', async () => {
  assert.equal((await it.setup()).code, 0);
  it.state.faults.issuer = 'https://other.example.com\u001b[2J';
  const { code, stdout } = await it.tenant('check');
  assert.equal(code, 1);
  assert.match(
    stdout,
    /different +Issuer of the cluster .*\n +the cluster calls itself https:\/\/other\.example\.com \[2J,/,
  );
});

test('one that only the cluster can reach is refused', async () => {
  const args = ['--tenant', TENANT, '--issuer', 'https://kubernetes.default.svc.cluster.local'];
  const { code, seen } = await it.tenant('setup', args);
  assert.equal(code, 1);
  assert.match(seen, /it is an address inside the cluster, where Entra can not read its keys/);
  assert.deepEqual(it.state.mutations(), []);
});

test('one that can not be read from here may still be read by Entra: it is said, and trusted', async () => {
  it.state.faults.issuer = undefined;
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.match(seen, /^ok +Issuer of the cluster .* can not be read from here \(status 404\); Entra has to\)$/m);
  assert.equal(it.state.apps.find(app => app.blueprint)?.federated[0]?.issuer, ISSUER);
  assert.equal((await it.tenant('check')).code, 0);
});
