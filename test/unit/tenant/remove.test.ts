import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COGNITIVE, GRAPH } from './directory.ts';
import { useTenant } from './support.ts';

const it = useTenant();

test('deletes what setup made and nothing else, and a second run finds nothing', async () => {
  const theirs = it.state.addApp('Agent ID blueprint', true, {});
  assert.equal((await it.setup('--agent', 'research', '--agent', 'intern')).code, 0);
  const { code, seen } = await it.tenant('remove', [], { answer: 'y' });
  assert.equal(code, 0, seen);
  assert.deepEqual(it.state.apps, [theirs]);
  assert.deepEqual(
    it.state.principals.map(({ appId }) => appId),
    [GRAPH, COGNITIVE],
  );
  assert.deepEqual(it.state.grants, []);
  assert.deepEqual(it.state.assignments, []);
  for (const name of [
    'BLUEPRINT_APP_ID',
    'MCP_APP_ID',
    'CLIENT_APP_ID',
    'RESEARCH_AGENT_APP_ID',
    'INTERN_AGENT_APP_ID',
  ])
    assert.equal(it.readEnv(name), '', name);
  const again = await it.tenant('remove');
  assert.equal(again.code, 0);
  assert.match(again.seen, /There is nothing of this script/);
});

test('agents go before their blueprint, roles before agents', async () => {
  await it.setup();
  await it.tenant('remove', ['--yes']);
  const deletions = it.state.log
    .filter(line => line.startsWith('DELETE'))
    .map(line => line.replace(/[0-9a-f-]{36}/g, 'ID'));
  const index = (pattern: RegExp) => deletions.findIndex(line => pattern.test(line));
  assert.ok(index(/roleAssignments/) < index(/agentIdentity$/));
  assert.ok(index(/agentIdentity$/) < index(/agentIdentityBlueprint$/));
});

for (const answer of ['n', '', undefined])
  test(`deletes nothing when the answer is ${answer === undefined ? 'nobody there' : `"${answer}"`}`, async () => {
    await it.setup();
    const before = it.state.snapshot();
    const { code, seen } = await it.tenant('remove', [], answer === undefined ? {} : { answer });
    assert.equal(code, 1);
    assert.match(seen, /This will be deleted:\n {2}role .*\n/);
    assert.match(seen, /othing was deleted/);
    assert.equal(it.state.snapshot(), before);
  });

test('leaves what somebody else made, although the .env names it', async () => {
  await it.setup();
  const mcp = it.state.apps.find(({ shown }) => shown.displayName === 'Agent ID MCP servers');
  assert.ok(mcp);
  Object.assign(mcp.shown, { tags: [], displayName: 'Theirs\u001b[2J' });
  const { code, seen } = await it.tenant('remove', ['--yes']);
  assert.equal(code, 0, seen);
  assert.match(seen, /"Theirs \[2J" .* was not made by this script, so it stays/);
  assert.deepEqual(it.state.apps, [mcp]);
});

test('does not take the blueprint from under agents that it was not told of', async () => {
  await it.setup();
  const blueprint = it.state.apps.find(app => app.blueprint);
  it.state.addPrincipal({
    appId: 'dddddddd-0000-4000-8000-000000000001',
    displayName: 'other',
    blueprint: blueprint?.appId ?? '',
  });
  const before = it.state.snapshot();
  const { code, seen } = await it.tenant('remove', ['--yes']);
  assert.equal(code, 1);
  assert.match(seen, /1 agent identities that this run was not told of/);
  assert.equal(it.state.snapshot(), before);
});

test('a role that somebody else assigned stays', async () => {
  await it.setup();
  const [first] = it.state.assignments;
  assert.ok(first);
  first.name = 'eeeeeeee-0000-4000-8000-000000000001';
  await it.tenant('remove', ['--yes']);
  assert.deepEqual(it.state.assignments, [first]);
});

test('setup works again after remove', async () => {
  await it.setup();
  await it.tenant('remove', ['--yes']);
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.equal(it.state.apps.length, 3);
});
