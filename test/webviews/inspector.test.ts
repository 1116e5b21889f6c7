import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { InspectedToken, InspectorOperation, InspectorState } from '../../src/protocol/inspector.ts';
import { openStudio, type Webview } from './support/harness.ts';
import { inspectors } from './support/inspectorStates.ts';

let studio: Awaited<ReturnType<typeof openStudio>>;
let inspector: Webview;
before(async () => void (studio = await openStudio()));
after(() => studio.close());
afterEach(async () => {
  assert.deepEqual(inspector.complaints, [], 'the page has nothing to complain of');
  await inspector.close();
});

const states = inspectors(Date.now());
const RAW = 'eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJtYXJrZXItb2YtdGhlLXJhdy10b2tlbiJ9.c2lnbmF0dXJl';

let seq = 0;
async function open(state: InspectorState, now = Date.now()): Promise<void> {
  inspector = await studio.open('inspector', { width: 1100, height: 900 });
  assert.deepEqual(await inspector.posted(), [{ type: 'ready' }]);
  await inspector.send({ type: 'snapshot', seq: (seq = 0), now, state });
}
const patch = (...operations: InspectorOperation[]) => inspector.send({ type: 'patch', seq: ++seq, operations });
const raw = (token: string, clearAfterMs = 30_000) => ({ type: 'raw', token, raw: RAW, clearAfterMs });
const region = (name: string) => inspector.page.getByRole('region', { name, exact: true });
const row = (name: string) =>
  inspector.page.getByRole('table', { name: 'Tokens' }).getByRole('row').filter({ hasText: name });
const shows = async (text: string) => (await inspector.page.content()).includes(text);

test('names that others rely on', async () => {
  await open(states.three);
  await inspector.page.locator('body[data-view="inspector"]').waitFor();
  assert.equal(await inspector.page.getByRole('table', { name: 'Tokens' }).count(), 1);
  for (const name of ['User token (Tc) claims', 'T2 (Azure OpenAI) claims', 'T2 (MCP Server) claims'])
    await region(name).waitFor();
  assert.deepEqual(
    await inspector.page.getByRole('table', { name: 'Tokens' }).getByRole('columnheader').allInnerTexts(),
    ['Token', 'Audience (aud)', 'Subject (upn, else sub)', 'App ID (appid, else azp)', 'Status'],
  );
});

test('the summary gives each token’s audience, subject, app and time left', async () => {
  await open(states.three);
  assert.match(
    await row('User token (Tc)').innerText(),
    /3f1c0d5e-1111-4222-8333-944455556666[\s\S]*OK\s+[34] min left/,
  );
  assert.match(
    await row('T2 (MCP Server)').innerText(),
    /api:\/\/6c3d7d0e[\s\S]*ana@contoso\.example[\s\S]*5b0a9f6e[\s\S]*OK\s+1 h 12 min left/,
  );
});

test('a failed row, one that is not configured and one that loads stand beside good ones', async () => {
  await open(states.failed);
  assert.match(await row('T2 (Azure OpenAI)').innerText(), /Failed[\s\S]*AADSTS65001[\s\S]*An administrator/);
  assert.match(await row('T2 (Graph)').innerText(), /Not configured\s+The sidecar has no API of this name/);
  assert.match(await row('T2 (Other)').innerText(), /Loading/);
  assert.match(await row('User token (Tc)').innerText(), /Expired\s+2 min ago/);
  assert.match(await row('T2 (MCP Server)').innerText(), /OK/);
  await row('T2 (Azure OpenAI)').getByRole('button', { name: 'Sign In Again' }).click();
  assert.deepEqual(await inspector.posted(), [{ type: 'runAction', id: 'agentId.forceSignIn' }]);
});

test('time runs by the host’s clock, and a token runs out while we look', async () => {
  const now = Date.now() - 3_600_000; // the host is an hour behind the view
  const [tc] = inspectors(now).three.tokens as [InspectedToken];
  await open({ ...states.three, tokens: [{ ...tc, details: { ...tc.details!, expiresAt: now + 1500 } }] }, now);
  assert.match(await row('User token (Tc)').innerText(), /OK\s+[01] s left/);
  await row('User token (Tc)').filter({ hasText: 'Expired' }).waitFor();
  assert.match(await region('User token (Tc) claims').innerText(), /expired \d s ago/);
});

test('claims are named, explained, and say why when they are absent', async () => {
  await open(states.three);
  const claims = region('User token (Tc) claims');
  assert.match(await claims.innerText(), /v2\.0 token/);
  const facets = claims.getByRole('row').filter({ hasText: 'xms_act_fct' });
  assert.match(await facets.innerText(), /absent\s+Facets of the actor\.\s+No agent acts here yet/);
  await claims.getByText('Header', { exact: true }).click();
  assert.match(await claims.innerText(), /alg\s+RS256/);
});

test('T1 is named as the hop that nobody here sees', async () => {
  await open(states.three);
  assert.match(await inspector.page.getByRole('list', { name: 'How the tokens follow from each other' }).innerText(), /T1 \(stays in the sidecar\)\s+Never seen here/);
});

test('API-key mode says why there are no tokens, and what to do', async () => {
  await open(states.apiKey);
  assert.match(await inspector.page.locator('main').innerText(), /API-key mode has no tokens/);
  assert.equal(await inspector.page.getByRole('table').count(), 0);
  await inspector.page.getByRole('button', { name: 'Connect to a Cluster' }).click();
  assert.deepEqual(await inspector.posted(), [{ type: 'runAction', id: 'agentId.connect' }]);
});

test('Refresh asks for new tokens, once while it runs, and keeps the focus', async () => {
  await open(states.three);
  const button = inspector.page.getByRole('button', { name: 'Refresh' });
  await button.press('Enter');
  await patch({ op: 'refreshing', refreshing: true });
  await button.press('Enter');
  assert.deepEqual(await inspector.posted(), [{ type: 'refresh' }]);
  assert.equal(await inspector.page.evaluate('document.activeElement.textContent'), 'Refresh');
  await patch({ op: 'refreshing', refreshing: false });
  assert.equal(await inspector.page.locator('[role=status]').innerText(), 'Tokens refreshed.');
});

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
  await inspector.send(raw('tc', 700));
  assert.equal(await shows('eyJhdWQi'), true);
  assert.equal((await inspector.saved()).includes('eyJ'), false);
  await region('User token (Tc) claims').getByRole('button', { name: 'Reveal' }).waitFor();
  assert.equal(await shows('eyJhdWQi'), false);
  assert.equal((await inspector.saved()).includes('eyJ'), false);
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

test('a token’s name leads to its claims; a redrawn table keeps the focus', async () => {
  await open(states.three);
  await row('T2 (MCP Server)').getByRole('button').focus();
  await patch({ op: 'token', token: { ...states.three.tokens[0]!, status: { kind: 'loading' } } });
  await inspector.page.keyboard.press('Enter');
  assert.equal(
    await inspector.page.evaluate("document.activeElement.getAttribute('aria-label')"),
    'T2 (MCP Server) claims',
  );
});

test('a region is left alone when only the status of its token changes', async () => {
  await open(states.three);
  await inspector.page.evaluate("document.querySelector('.claims').dataset.same = 'yes'");
  await patch({ op: 'token', token: { ...states.three.tokens[0]!, status: { kind: 'loading' } } });
  assert.equal(await inspector.page.locator('.claims[data-same]').count(), 1);
});

test('hostile claims stay text', async () => {
  const attack = '<img src=x onerror="globalThis.pwned=true">\u202e';
  await open({
    ...states.three,
    mode: { kind: 'connected', agent: attack, user: attack },
    explanation: attack,
    tokens: [
      {
        id: attack,
        label: attack,
        aud: attack,
        sub: attack,
        appid: attack,
        status: { kind: 'error', failure: { sentence: attack, actions: [] } },
        details: {
          kind: { label: attack, certain: false, because: attack },
          checks: [{ title: attack, outcome: 'bad', sentence: attack }],
          header: [{ name: attack, value: attack }],
          claims: [{ name: attack, value: attack, explanation: attack, known: false, note: attack }],
          fingerprint: attack,
        },
      },
    ],
  });
  assert.equal(await inspector.page.locator('img').count(), 0);
  assert.equal(await inspector.page.evaluate('globalThis.pwned'), undefined);
  assert.equal((await inspector.page.locator('body').innerText()).includes('\u202e'), false);
});

test('a gap asks for a snapshot', async () => {
  await open(states.three);
  await inspector.send({ type: 'patch', seq: 9, operations: [{ op: 'refreshing', refreshing: true }] });
  await inspector.send({ type: 'patch', seq: 10, operations: [{ op: 'refreshing', refreshing: true }] });
  assert.deepEqual(await inspector.posted(), [{ type: 'needSnapshot' }]);
});
