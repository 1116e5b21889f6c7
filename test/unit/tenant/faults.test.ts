import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TENANT } from './directory.ts';
import { useTenant } from './support.ts';

const it = useTenant();
const count = (pattern: RegExp) => it.state.log.filter(line => pattern.test(line)).length;

test('waits for the directory: new objects are not there for the first reads', async () => {
  it.state.faults.lag = 4;
  const { code, seen, waits } = await it.setup('--agent', 'research', '--agent', 'intern');
  assert.equal(code, 0, seen);
  assert.ok(waits.length > 0);
  assert.equal(it.state.apps.length, 3, 'each application once');
  assert.equal(it.state.principals.filter(one => one.blueprint).length, 2, 'each agent once');
  assert.equal((await it.tenant('check')).code, 0);
});

test('gives up on a directory that never shows it, and finds it the next time', async () => {
  it.state.faults.lag = 100_000;
  const { code, seen, waits } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /Run this again in a few minutes; nothing is made twice/);
  assert.ok(waits.reduce((sum, ms) => sum + ms, 0) < 10 * 60_000);
  assert.equal(it.state.apps.length, 1);
  it.state.faults.lag = 0;
  for (const one of it.state.apps) one.hidden = 3; // its id is in the .env: it is waited for, not made again
  assert.equal((await it.setup()).code, 0);
  assert.equal(it.state.apps.length, 3);
});

test('repeats a change that was accepted and rolled back', async () => {
  it.state.faults.rollbacks = 3;
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.equal((await it.tenant('check')).code, 0);
});

test('takes a conflict as what it is: somebody was faster', async () => {
  it.state.faults.conflict = true;
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.equal(it.state.grants.length, 3);
});

test('waits as long as Graph and Azure ask for', async () => {
  it.state.faults.throttled = [
    { match: /^POST .*\/oauth2PermissionGrants$/, retryAfter: '7' },
    {
      match: /^PUT .*roleAssignments/,
      retryAfter: new Date(Date.parse('2026-03-01T12:00:00Z') + 90_000).toUTCString(),
    },
  ];
  const { code, seen, waits } = await it.setup();
  assert.equal(code, 0, seen);
  assert.ok(waits.includes(7000));
  assert.ok(
    waits.some(ms => ms > 30_000 && ms <= 90_000),
    'a date as Retry-After',
  );
});

test('repeats what a busy service did not do, and a failed creation only after looking', async () => {
  it.state.faults.failing = [
    { match: /^POST .*\/applications$/, status: 503, times: 2 },
    { match: /^GET .*\/servicePrincipals/, status: 502, times: 2 },
  ];
  const { code, seen, waits } = await it.setup();
  assert.equal(code, 0, seen);
  assert.deepEqual(waits.slice(0, 2), [1000, 2000]);
  assert.equal(it.state.apps.length, 3);
  it.state.faults.failing = [{ match: /^POST .*\/oauth2PermissionGrants$/, status: 500, times: 1 }];
  it.state.grants.length = 0;
  const failed = await it.setup();
  assert.equal(failed.code, 1);
  assert.match(failed.seen, /refuses it \(serviceNotAvailable.*\n.*nothing is made twice/);
  assert.equal((await it.setup()).code, 0);
});

test('does not wait for a pause that nobody would sit through', async () => {
  it.state.faults.throttled = [{ match: /^GET .*\/applications/, retryAfter: '3600' }];
  const { code, seen, waits } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /asks to wait 3600 seconds/);
  assert.deepEqual(waits, []);
});

test('does not repeat a creation whose answer was lost, and finds what it made', async () => {
  it.state.faults.lost = { match: /^POST .*\/applications$/, times: 99 };
  const first = await it.setup();
  assert.equal(first.code, 1);
  assert.match(first.seen, /can't be reached/);
  assert.equal(count(/^POST .*\/applications$/), 1);
  it.state.faults.lost = undefined;
  assert.equal((await it.setup()).code, 0);
  assert.equal(it.state.apps.length, 3);
});

test('repeats a question whose answer was lost, a few times', async () => {
  it.state.faults.lost = { match: /^GET /, times: 99 };
  const { code, seen, waits } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /can't be reached/);
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000]);
});

test('a missing role is named at once, with what to do', async () => {
  it.state.faults.forbidden = [{ match: /^POST .*agentIdentityBlueprint$/, times: 99 }];
  const { code, seen, waits } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /Blueprint "Agent ID blueprint": Microsoft Graph refuses it \(Authorization_RequestDenied/);
  assert.match(seen, /docs\/setup-tenant\.md#roles/);
  assert.deepEqual(waits, []);
});

test('a missing role on the Azure OpenAI account is a matter of Azure', async () => {
  it.state.faults.forbidden = [{ match: /^PUT .*roleAssignments/, times: 99 }];
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /Role Based Access Control Administrator/);
});

test('whoever made the blueprint becomes its owner a little later', async () => {
  it.state.faults.forbidden = [{ match: /^PATCH .*agentIdentityBlueprint$/, times: 2 }];
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
});

test('asks beta where v1.0 does not know agent identities, in its words', async () => {
  it.state.faults.betaOnly = true;
  it.state.faults.onlyBlueprintCreates = true;
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.ok(count(/\/beta\//) > 0);
});

test('a token that Graph would not work with ends it before the first request', async () => {
  it.state.faults.alsoGranted = ['Directory.AccessAsUser.All'];
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /already has consent for Directory\.AccessAsUser\.All/);
  assert.ok(!it.state.log.some(line => line.includes('/v1.0/') && !line.includes('oauth2')));
});

test('a token with too many rights is good enough to look', async () => {
  await it.setup();
  it.state.faults.alsoGranted = ['Directory.AccessAsUser.All'];
  assert.equal((await it.tenant('check')).code, 0);
});

test('a permission that was not granted is named', async () => {
  it.state.faults.withheld = ['DelegatedPermissionGrant.ReadWrite.All'];
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /The token lacks DelegatedPermissionGrant\.ReadWrite\.All/);
});

test('signs in with the browser where device codes are blocked', async () => {
  const onLine = (line: string) => {
    const address = line.split('\n')[1];
    if (!address?.startsWith('https://login.microsoftonline.com/')) return;
    const { searchParams: asked } = new URL(address);
    const body = new URLSearchParams({ code: 'code', state: asked.get('state') ?? '' });
    void fetch(asked.get('redirect_uri') ?? '', { method: 'POST', body });
  };
  const { code, seen } = await it.tenant('setup', ['--tenant', TENANT, '--browser'], { onLine });
  assert.equal(code, 0, seen);
  assert.equal(count(/devicecode$/), 0);
});

test('asks for a code once for Graph, and once for Azure only where a resource was named', async () => {
  await it.tenant('setup', ['--tenant', TENANT]);
  assert.equal(count(/devicecode$/), 1);
  await it.setup();
  assert.equal(count(/devicecode$/), 3);
});
