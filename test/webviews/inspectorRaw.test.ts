// The raw token in the inspector: shown on request, for a while, and nowhere else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InspectorOperation, InspectorState } from '../../src/protocol/inspector.ts';
import { inspectors } from './support/inspectorStates.ts';
import { viewTests } from './support/viewTests.ts';

const states = inspectors(Date.now());
const RAW = 'eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJtYXJrZXItb2YtdGhlLXJhdy10b2tlbiJ9.c2lnbmF0dXJl';

const inspector = viewTests<InspectorState, InspectorOperation>('inspector', { width: 1100, height: 900 });
const { open, patch } = inspector;
const raw = (token: string, clearAfterMs = 30_000) => ({ type: 'raw', token, raw: RAW, clearAfterMs });
const region = (name: string) => inspector.page.getByRole('region', { name, exact: true });
const shows = async (text: string) => (await inspector.page.content()).includes(text);

test('raw output is asked of the host, shown, and hidden by the button', async () => {
  await open(states.three);
  const claims = region('T2 (MCP Server) claims');
  assert.match(await claims.getByRole('group', { name: 'Raw output' }).innerText(), /Hidden \(1893 characters\)/);
  await claims.getByRole('button', { name: 'Reveal' }).click();
  assert.deepEqual(await inspector.posted(), [{ type: 'reveal', token: 'mcp' }]);
  await inspector.send(raw('mcp'));
  assert.equal(await claims.getByRole('group', { name: 'Raw output' }).innerText(), RAW);
  assert.match(await claims.innerText(), /Hides in (30|29) s/);
  await claims.getByRole('button', { name: 'Hide' }).click();
  assert.equal(await shows('eyJhdWQi'), false);
  assert.deepEqual(await inspector.posted(), []);
});

test('raw output is gone at its deadline, and never kept', async () => {
  await open(states.three);
  await inspector.page.clock.install(); // so that a slow machine has all the time that it needs before the deadline
  await inspector.send(raw('tc', 110_000));
  assert.equal(await shows('eyJhdWQi'), true);
  assert.equal((await inspector.saved()).includes('eyJ'), false);
  await inspector.page.clock.fastForward(110_000);
  await region('User token (Tc) claims').getByRole('button', { name: 'Reveal' }).waitFor();
  assert.equal(await shows('eyJhdWQi'), false);
  assert.equal((await inspector.saved()).includes('eyJ'), false);
});

test('raw output is gone with its token: the element that leaves the page does not keep it', async () => {
  await open(states.three);
  await inspector.send(raw('tc'));
  const output = await region('User token (Tc) claims').getByRole('group', { name: 'Raw output' }).elementHandle();
  assert.ok(output);
  await patch({ op: 'remove', id: 'tc' });
  assert.equal(await output.isVisible(), false);
  assert.match((await output.textContent()) ?? '', /Hidden/);
});

test('raw output is gone when the view is hidden, and does not arrive while it is', async () => {
  await open(states.three);
  const hide = (hidden: boolean) =>
    inspector.page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))`);
  await inspector.send(raw('tc'));
  await hide(true);
  assert.equal(await shows('eyJhdWQi'), false);
  await inspector.send(raw('tc'));
  assert.equal(await shows('eyJhdWQi'), false);
  await hide(false);
  assert.equal(await shows('eyJhdWQi'), false);
});

test('one raw output at a time; the host can end it; a new token ends the old one’s', async () => {
  await open(states.three);
  await inspector.send(raw('tc'), raw('mcp'));
  assert.equal(await inspector.page.getByRole('button', { name: 'Hide' }).count(), 1);
  await inspector.send({ type: 'conceal' });
  assert.equal(await shows('eyJhdWQi'), false);
  await inspector.send(raw('mcp'));
  const mcp = states.three.tokens[2]!;
  await patch({ op: 'token', token: { ...mcp, details: { ...mcp.details!, fingerprint: 'anotherone' } } });
  assert.equal(await shows('eyJhdWQi'), false);
});

test('the raw token is copied by the host, without passing through the view', async () => {
  await open(states.three);
  await region('User token (Tc) claims').getByRole('button', { name: 'Copy Raw Token' }).click();
  assert.deepEqual(await inspector.posted(), [{ type: 'copyRaw', token: 'tc' }]);
});
