import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InspectedToken, InspectorOperation, InspectorState } from '../../src/protocol/inspector.ts';
import { inspectors } from './support/inspectorStates.ts';
import { viewTests } from './support/viewTests.ts';

const states = inspectors(Date.now());

const inspector = viewTests<InspectorState, InspectorOperation>('inspector', { width: 1100, height: 900 });
const { patch } = inspector;
const open = (state: InspectorState, now = Date.now()) => inspector.open(state, { now });
const region = (name: string) => inspector.page.getByRole('region', { name, exact: true });
const row = (name: string) =>
  inspector.page.getByRole('table', { name: 'Tokens' }).getByRole('row').filter({ hasText: name });
const focusedName = () => inspector.page.evaluate("document.activeElement.getAttribute('aria-label')");

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
    /api:\/\/6c3d7d0e[\s\S]*ana@contoso\.example[\s\S]*5b0a9f6e[\s\S]*OK\s+1 h 1\d min left/,
  );
});

test('a failed row, one that is not configured and one that loads stand beside good ones', async () => {
  await open(states.failed);
  assert.match(
    await row('T2 (Azure OpenAI)').innerText(),
    /Failed[\s\S]*AADSTS65001[\s\S]*An Entra admin can fix this/,
  );
  assert.match(await row('T2 (Graph)').innerText(), /Not configured\s+The sidecar has no API of this name/);
  assert.match(await row('T2 (Other)').innerText(), /Loading/);
  assert.match(await row('User token (Tc)').innerText(), /Expired\s+2 min ago/);
  assert.match(await row('T2 (MCP Server)').innerText(), /OK/);
  await row('T2 (Azure OpenAI)').getByRole('button', { name: 'Show Tokens' }).click();
  await row('T2 (Azure OpenAI)').getByRole('button', { name: 'Copy for the Entra Admin' }).click();
  const [action, copied] = (await inspector.posted()) as { type: string; id?: string; text?: string }[];
  assert.deepEqual(action, { type: 'runAction', id: 'agentId.showTokens' });
  assert.equal(copied?.type, 'copyText');
  assert.match(copied.text ?? '', /65001/);
  assert.match(await row('T2 (Azure OpenAI)').innerText(), /from before stays in use: 42 min left/);
});

test('the fix in full has the width of the table, whatever the width of the status, and is no row of it', async () => {
  await open(states.failed);
  const table = inspector.page.getByRole('table', { name: 'Tokens' });
  const named = 'The fix in full for T2 (Azure OpenAI)';
  await inspector.page.getByText(named).click();
  const fix = inspector.page.getByRole('group', { name: named });
  const [whole, shown] = [await table.boundingBox(), await fix.boundingBox()];
  assert.ok(shown!.width > whole!.width * 0.9, `${shown?.width} of ${whole?.width}`);
  assert.equal(await table.getByRole('row').count(), 1 + states.failed.tokens.length);
});

test('a token whose signature is wrong is not called OK', async () => {
  await open(states.unverified);
  const status = await row('Pasted token 1').innerText();
  assert.match(status, /Not verified/);
  assert.doesNotMatch(status, /\bOK\b/);
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
  assert.match(
    await inspector.page.getByRole('list', { name: 'How the tokens follow from each other' }).innerText(),
    /T1 \(stays in the sidecar\)\s+Never seen here/,
  );
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

test('a token’s name leads to its claims; a redrawn table keeps the focus', async () => {
  await open(states.three);
  await row('T2 (MCP Server)').getByRole('button').focus();
  await patch({ op: 'token', token: { ...states.three.tokens[0]!, status: { kind: 'loading' } } });
  await inspector.page.keyboard.press('Enter');
  assert.equal(await focusedName(), 'T2 (MCP Server) claims');
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

test('each hop says who issued it, who presented what, and for whom; its name leads to its claims', async () => {
  await open(states.three);
  const chain = inspector.page.getByRole('list', { name: 'How the tokens follow from each other' });
  const hop = chain.getByRole('listitem').filter({ hasText: 'T2 (MCP Server)' }).last();
  assert.match(
    await hop.innerText(),
    /Agent on behalf of a user\s+v1\.0 token\s+1 h 1\d min left\s+Issued by\s+Microsoft Entra, v1\.0\s+Presented by\s+the agent, with T1 and Tc\s+Audience\s+api:/,
  );
  await hop.getByRole('button').click();
  assert.equal(await focusedName(), 'T2 (MCP Server) claims');
});

test('the gateway’s verdict is said with its steps, clause by clause, with what would mend it', async () => {
  await open(states.refused);
  const gateway = inspector.page.getByRole('region', { name: 'Would the gateway let it in?' });
  const mcp = gateway.getByRole('article', { name: /^MCP/ });
  assert.match(await mcp.innerText(), /Refused\s+with T2 \(MCP Server\)[\s\S]*Fails\s+Rules for the route/);
  const clause = mcp.getByRole('listitem').filter({ hasText: 'xms_act_fct is absent' }).last();
  assert.match(await clause.innerText(), /^Fails\s+'11' in jwt\.xms_act_fct\.split\(' '\)/);
  assert.match(await gateway.getByRole('article', { name: /^Model/ }).innerText(), /Not certain/);
  await mcp.getByRole('button', { name: 'Copy this text' }).click();
  const [copied] = (await inspector.posted()) as { type: string; text: string }[];
  assert.equal(copied?.type, 'copyText');
  assert.match(copied?.text ?? '', /^PATCH https:\/\/graph\.microsoft\.com/);
});

test('the tools that the rules hide are named with the reason', async () => {
  await open(states.three);
  const mcp = inspector.page.getByRole('article', { name: /^MCP/ });
  const tool = (name: string) => mcp.getByRole('listitem').filter({ hasText: name }).last().innerText();
  assert.match(await tool('crawling_exa'), /Hidden\s+crawling_exa of exa-ai\s+No allow rule names this tool/);
  assert.match(await tool('microsoft_docs_search'), /Allowed/);
});

test('at first only what changed is shown, and the word says how; the rest on request', async () => {
  await open(states.three);
  const table = inspector.page.getByRole('table', { name: 'What changed on the way' });
  const claim = (name: string) => table.locator(`tr[data-claim="${name}"]`);
  assert.match(await claim('aud').innerText(), /changed[\s\S]*Each token is for one resource only/);
  assert.match(await claim('xms_act_fct').innerText(), /absent[\s\S]*added/);
  assert.match(await claim('preferred_username').innerText(), /removed/);
  assert.equal(await claim('oid').isVisible(), false);
  assert.equal(await claim('uti').isVisible(), false, 'new in every token, and says nothing');
  assert.match(await region('What changed on the way').innerText(), /4 of 6 claims · without 1 that are new in every/);
  await inspector.page.getByRole('checkbox', { name: 'Only what changed' }).uncheck();
  assert.equal(await claim('oid').isVisible(), true);
  assert.equal(await inspector.page.locator('[role=status]').innerText(), '6 of 6 claims');
});

test('kind and checks of a token are said with how certain they are', async () => {
  await open(states.refused);
  assert.match(
    await region('T2 (MCP Server) claims').innerText(),
    /Agent on behalf of a user\s+Inferred\s+azp is the agent identity/,
  );
  const checks = region('T2 (MCP Server) claims').getByRole('list', { name: 'Checks of T2 (MCP Server)' });
  assert.match(await checks.getByRole('listitem').last().innerText(), /Warning\s+Clock\s+The clock of this machine/);
});

test('a claim says what its meaning is founded on, and its source is opened by the host', async () => {
  await open(states.three);
  const claims = region('T2 (MCP Server) claims');
  const row = (name: string) => claims.locator(`tr[data-claim="${name}"]`);
  assert.match(await row('aud').innerText(), /Documented/);
  assert.match(await row('xms_ftd').innerText(), /Seen in real tokens, not documented/);
  assert.match(await row('platf').innerText(), /macOS[\s\S]*A guess/);
  assert.match(await row('xms_act_fct').innerText(), /11 agent identity\s+9\s+3/);
  assert.match(await row('exp').innerText(), /in 1 h 1\d min[\s\S]* UTC · 1795648923/);
  await row('xms_act_fct').getByRole('link', { name: 'Agent token claims' }).click();
  assert.deepEqual(await inspector.posted(), [
    { type: 'openSource', href: 'https://learn.microsoft.com/entra/agent-id/agent-token-claims' },
  ]);
});

test('the filter looks through names, values and meanings of all tokens, and says how many are left', async () => {
  await open(states.three);
  await inspector.page.getByRole('searchbox', { name: 'Filter claims' }).fill('FACETS');
  assert.match(await region('T2 (MCP Server) claims').innerText(), /1 of 10 claims/);
  assert.equal(await region('T2 (MCP Server) claims').locator('tbody tr:visible').count(), 1);
  await inspector.page.locator('[role=status]').getByText('3 claims').waitFor();
  const mcp = states.three.tokens[2]!;
  await patch({ op: 'token', token: { ...mcp, details: { ...mcp.details!, fingerprint: 'anotherone' } } });
  assert.equal(await region('T2 (MCP Server) claims').locator('tbody tr:visible').count(), 1, 'drawn anew');
});

test('a pasted token has no raw output, and can be removed', async () => {
  await open(states.pasted);
  const pasted = region('Pasted token 1 claims');
  assert.equal(await pasted.getByRole('button', { name: 'Reveal' }).count(), 0);
  await pasted.getByRole('button', { name: 'Remove' }).click();
  assert.deepEqual(await inspector.posted(), [{ type: 'forget', token: 'pasted-1' }]);
  await patch({ op: 'remove', id: 'pasted-1' });
  assert.equal(await pasted.count(), 0);
  await inspector.send({ type: 'goTo', token: 'pasted-2' });
  assert.equal(await focusedName(), 'Pasted token 2 claims');
  assert.match(await region('Pasted token 2 claims').innerText(), /only its header can be read/);
});

test('pasting, exporting and opening are asked of the host', async () => {
  await open(states.three);
  await inspector.page.getByRole('button', { name: 'Inspect Pasted Token…' }).click();
  await inspector.page.getByRole('button', { name: 'Export…' }).click();
  assert.deepEqual(await inspector.posted(), [{ type: 'paste' }, { type: 'export' }]);
});

test('a part that is drawn anew keeps the focus and what was folded open', async () => {
  await open(states.three);
  const [tc, , mcp] = states.three.tokens;
  const claims = region('T2 (MCP Server) claims');
  await claims.getByText('Header', { exact: true }).click();
  await claims.getByRole('button', { name: 'Reveal' }).focus();
  await patch({ op: 'token', token: { ...mcp!, details: { ...mcp!.details!, fingerprint: 'anotherone' } } });
  assert.match(await claims.innerText(), /anotherone[\s\S]*alg\s+RS256/);
  assert.equal(await inspector.page.evaluate('document.activeElement.dataset.key'), 'reveal mcp');
  await inspector.page
    .getByRole('list', { name: /How the tokens/ })
    .getByRole('button')
    .first()
    .focus();
  await patch({ op: 'token', token: { ...tc!, details: { ...tc!.details!, version: '1.0' } } });
  assert.equal(await inspector.page.evaluate('document.activeElement.dataset.key'), 'hop tc');
});

test('what is drawn anew leaves the page where it was scrolled to, and opens the rules that now refuse', async () => {
  await open(states.three);
  await inspector.page.setViewportSize({ width: 1100, height: 500 });
  await inspector.page
    .getByRole('heading', { name: 'Would the gateway let it in?' })
    .evaluate((node: unknown) => (node as { scrollIntoView(): void }).scrollIntoView());
  const before = await inspector.page.evaluate<number>('scrollY');
  assert.ok(before > 200);
  const [, llm, mcp] = states.three.tokens;
  await patch({ op: 'token', token: { ...mcp!, status: { kind: 'loading' } } });
  await patch({ op: 'token', token: { ...llm!, details: { ...llm!.details!, fingerprint: 'anotherone' } } });
  await patch({ op: 'analysis', analysis: states.refused.analysis });
  assert.equal(await inspector.page.evaluate('scrollY'), before);
  assert.ok(await inspector.page.getByText('source.address').isVisible());
});

test('a fix that somebody reads stays open while other rows are drawn anew', async () => {
  await open(states.failed);
  await inspector.page.getByText('The fix in full for T2').click();
  const [tc] = states.failed.tokens;
  await patch({ op: 'token', token: { ...tc!, status: { kind: 'loading' } } });
  assert.equal(await inspector.page.getByRole('group', { name: 'The fix in full for T2' }).isVisible(), true);
  assert.equal(await inspector.page.evaluate('document.activeElement.dataset.key'), 'fold of fix openai');
});

test('a list that was cut says how much is missing', async () => {
  const [tc, ...others] = states.three.tokens;
  const { analysis } = states.three;
  await open({
    ...states.three,
    tokens: [{ ...tc!, details: { ...tc!.details!, moreClaims: 105 } }, ...others],
    analysis: { ...analysis, comparison: { ...analysis.comparison!, moreRows: 7 } },
  });
  await region('User token (Tc) claims').getByText('and 105 more').waitFor();
  await inspector.page.getByRole('region', { name: 'What changed on the way' }).getByText('and 7 more').waitFor();
});

test('a refresh that leaves one token behind says which', async () => {
  await open({ ...states.failed, refreshing: true });
  await patch({ op: 'refreshing', refreshing: false });
  assert.equal(
    await inspector.page.locator('[role=status]').innerText(),
    'Tokens refreshed; failed: T2 (Azure OpenAI).',
  );
});

for (const [name, options] of [
  ['at 320 pixels', { width: 320, height: 900 }],
  ['at 200 % zoom', { width: 640, height: 450, scale: 2 }], // what a window of 1280 by 900 leaves at that zoom
] as const)
  for (const [state, content] of Object.entries(states))
    test(`${state} ${name}: the page scrolls in one direction only, and nothing lies beyond its edge`, async () => {
      await inspector.open(content, options);
      await inspector.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true");
      const [needed, there] = await inspector.page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      );
      assert.ok(needed <= there, `${needed} of ${there} pixels`);
      const beyond = await inspector.page.evaluate<string[]>(`[...document.querySelectorAll('main *, header *')]
        .filter(element => !element.closest('svg, pre') && element.getBoundingClientRect().right > innerWidth + 0.5)
        .map(element => element.outerHTML.slice(0, 120))`);
      assert.deepEqual(beyond, []);
    });

test('with forced colours every outcome still has its sign and its word', async () => {
  await open(states.refused);
  await inspector.page.emulateMedia({ forcedColors: 'active' });
  const marks = await inspector.page.locator('.mark').all();
  assert.ok(marks.length > 20);
  for (const mark of marks) {
    if (!(await mark.isVisible())) continue;
    assert.match(await mark.innerText(), /\w/);
    assert.equal(await mark.locator('svg').count(), 1);
  }
});

test('a gap asks for a snapshot', async () => {
  await open(states.three);
  await inspector.send({ type: 'patch', seq: 9, operations: [{ op: 'refreshing', refreshing: true }] });
  await inspector.send({ type: 'patch', seq: 10, operations: [{ op: 'refreshing', refreshing: true }] });
  assert.deepEqual(await inspector.posted(), [{ type: 'needSnapshot' }]);
});
