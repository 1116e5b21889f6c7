import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TENANT } from './directory.ts';
import { useTenant } from './support.ts';

const it = useTenant();
const paths = () => it.state.log.map(line => line.replace(/[0-9a-f-]{36}/g, 'ID'));
const count = (pattern: RegExp) => it.state.log.filter(line => pattern.test(line)).length;
const blueprint = () => it.state.apps.find(app => app.blueprint);

test('no credential is made where Graph lets a person create agent identities', async () => {
  assert.equal((await it.setup()).code, 0);
  assert.equal(count(/addPassword$/), 0);
  assert.deepEqual(it.state.secrets, []);
});

test('else one is made, used by the blueprint for all agents, removed, and refused by Entra afterwards', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.secretNotYet = 3;
  const { code, seen, waits } = await it.setup('--agent', 'research', '--agent', 'intern');
  assert.equal(code, 0, seen);
  assert.equal(it.state.secrets.length, 1);
  assert.deepEqual(blueprint()?.passwords, []);
  assert.match(seen, /The temporary secret is removed: the blueprint is without it, and Entra refuses it/);
  assert.equal(waits.filter(ms => ms === 10_000).length >= 3, true, '7000215 is waited for');
  const steps = paths().filter(line => /Password$|\/token$|agentIdentity$/.test(line) && line.startsWith('POST'));
  const token = 'POST /ID/oauth2/v2.0/token';
  const create = 'POST /v1.0/servicePrincipals/microsoft.graph.agentIdentity';
  const secret = 'POST /v1.0/applications/ID/microsoft.graph.agentIdentityBlueprint';
  const [graph, azure] = [token, token];
  assert.deepEqual(steps, [
    graph,
    azure,
    create,
    create,
    `${secret}/addPassword`,
    ...[token, token, token, token], // three refusals
    create,
    token, // a new one for each
    create,
    `${secret}/removePassword`,
    token, // the proof
  ]);
});

test('a token that is older than what the directory knows of the blueprint is not used again', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.identityNotYet = 3;
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.equal(it.state.secrets.length, 1);
  assert.deepEqual(blueprint()?.passwords, []);
});

test('a refusal while the directory does not know the owner is no reason to make one', async () => {
  it.state.faults.forbidden = [{ match: /^POST .*\/microsoft\.graph\.agentIdentity$/, times: 2 }];
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.deepEqual(it.state.secrets, []);
});

test('it ends by itself within an hour, whatever happens', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.removalIgnored = 100_000;
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /It is not proved that the secret .* is gone: it is still there/);
  const end = Date.parse(blueprint()?.passwords[0]?.endDateTime ?? '');
  assert.ok(end > Date.parse('2026-03-01T12:00:00Z') && end < Date.parse('2026-03-01T13:30:00Z'));
});

test('it is gone also when what it was made for fails', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.forbidden = [{ match: /^POST .*\/microsoft\.graph\.agentIdentity$/, times: 99 }];
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /Agent identity research: Microsoft Graph refuses it/);
  assert.equal(it.state.secrets.length, 1);
  assert.deepEqual(blueprint()?.passwords, []);
  assert.equal(it.state.removedSecrets.size, 1);
});

test('it is gone also when Ctrl+C comes in between', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.secretNotYet = 1;
  const interrupt = new AbortController();
  const add = it.state.secrets.push.bind(it.state.secrets);
  it.state.secrets.push = secret => {
    interrupt.abort();
    return add(secret);
  };
  const { code, seen } = await it.tenant('setup', ['--tenant', TENANT], {
    signal: interrupt.signal,
  });
  assert.equal(code, 1);
  assert.match(seen, /Stopped\. What was made stays/);
  assert.deepEqual(blueprint()?.passwords, []);
});

test('it is removed again where the removal was not carried out, or Entra still takes it', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.removalIgnored = 2;
  it.state.faults.secretLingers = 2;
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.deepEqual(blueprint()?.passwords, []);
  assert.equal(it.state.faults.secretLingers, 0);
});

test('one of a run that died is found and removed; those of others stay', async () => {
  await it.setup();
  const left = {
    keyId: 'cccccccc-0000-4000-8000-000000000001',
    displayName: 'agent-id-vscode temporary',
    secret: 'x',
    endDateTime: '',
  };
  const theirs = { ...left, keyId: 'cccccccc-0000-4000-8000-000000000002', displayName: 'CI' };
  blueprint()?.passwords.push(left, theirs);
  const check = await it.tenant('check');
  assert.equal(check.code, 1);
  assert.match(check.stdout, /different +Blueprint: no secret/);
  assert.equal((await it.setup()).code, 0);
  assert.deepEqual(blueprint()?.passwords, [theirs]);
  assert.match((await it.tenant('check')).stdout, /it has 1 of others, which nothing here needs/);
});

test('another refusal proves nothing about the secret', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.blueprintBlocked = true;
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /It is not proved .*: Entra says: AADSTS53003/);
});

test('a removal that does not get through is repeated', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.forbidden = [{ match: /removePassword$/, times: 3 }];
  it.state.faults.lost = { match: /removePassword$/, times: 1 };
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.deepEqual(blueprint()?.passwords, []);
});

test('a policy against secrets is a reason to stop, not to try again', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.secretsForbidden = true;
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /A policy of the tenant forbids it/);
  assert.equal(count(/addPassword$/), 1);
});

test('Ctrl+C does not hide a secret that can not be removed', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.removalIgnored = 100_000;
  const interrupt = new AbortController();
  it.state.secrets.push = () => {
    interrupt.abort();
    return 0;
  };
  const { seen } = await it.tenant('setup', ['--tenant', TENANT], { signal: interrupt.signal });
  assert.match(seen, /It is not proved that the secret .* is gone: it is still there/);
});

test('the answer with the secret is lost: the secret is removed all the same, also when it shows only later', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  it.state.faults.lost = { match: /addPassword$/, times: 99 };
  it.state.secrets.push = secret => {
    it.state.faults.secretHidden = 3;
    return Array.prototype.push.call(it.state.secrets, secret);
  };
  const { code } = await it.setup();
  assert.equal(code, 1);
  assert.equal(it.state.secrets.length, 1);
  assert.deepEqual(blueprint()?.passwords, []);
});
