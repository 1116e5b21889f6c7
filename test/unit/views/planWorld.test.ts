import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWorld } from '../../../src/agent/world.ts';
import { planWorld } from '../../../src/views/planWorld.ts';

const JSON_OF_SANDBOX = {
  version: 1,
  authority: 'https://127.0.0.1:9443/9d4f6a1b-27c8-4e35-8a60-f1b2c3d4e5a7',
  caFile: '/tmp/ca.pem',
  kubeconfig: '/tmp/kubeconfig',
  context: 'ctx',
  namespace: 'ns',
  agents: [{ deployment: 'one' }, { deployment: 'two' }],
  login: { url: 'http://127.0.0.1:1/login' },
};
const world = (different: object = {}) => parseWorld({ ...JSON_OF_SANDBOX, ...different }, 'file.json');

test('takes everything from the connection JSON, and begins with the first agent', () => {
  assert.deepEqual(planWorld(world(), true, undefined), {
    mode: 'sandbox',
    kubeconfig: '/tmp/kubeconfig',
    context: 'ctx',
    namespace: 'ns',
    deployment: 'one',
    answers: {},
    world: { authority: 'https://127.0.0.1:9443', keepSignIn: true, caFile: '/tmp/ca.pem' },
  });
  const withoutCa = planWorld(world({ caFile: null }), false, undefined);
  assert.deepEqual(withoutCa.world, { authority: 'https://127.0.0.1:9443', keepSignIn: false });
});

test('a file about a real tenant does not look simulated', () => {
  const real = planWorld(
    world({ authority: 'https://login.microsoftonline.com/tenant', caFile: null }),
    true,
    undefined,
  );
  assert.equal(real.mode, 'connected');
  assert.deepEqual(real.world, { authority: 'https://login.microsoftonline.com', keepSignIn: true });
});

test('goes on with the agent of last time if it was a sandbox’s and is still there', () => {
  const last = planWorld(world({ agents: [{ deployment: 'two' }] }), true, undefined);
  assert.equal(planWorld(world(), true, last).deployment, 'two');
  assert.equal(planWorld(world(), true, { ...last, mode: 'connected' }).deployment, 'one');
  assert.equal(planWorld(world(), true, { ...last, deployment: 'gone' }).deployment, 'one');
});

test('a sandbox without an agent is named as such', () => {
  assert.throws(() => planWorld(world({ agents: [] }), true, undefined), {
    code: 'agent.noAgents',
    args: { namespace: 'ns', context: 'ctx' },
  });
});
