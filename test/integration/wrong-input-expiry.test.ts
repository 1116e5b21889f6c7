// Tokens that live for seconds: a turn takes longer than any of them, and nobody notices.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { Receipt } from '../../src/agent/receipts.ts';
import { world } from './wrong-input.fixture.ts';

const LIFETIME_S = 4;
const w = world(['--token-lifetime', String(LIFETIME_S)]);
const sleep = (seconds: number) => new Promise(resolve => setTimeout(resolve, seconds * 1000));

test('a turn outlives its tokens: they are renewed, and the receipt names the one that was sent', async () => {
  const core = await w.core({
    askApproval: async () => {
      await sleep(LIFETIME_S + 0.5); // the person is at lunch
      return { kind: 'once' };
    },
  });
  const connection = await core.connect();
  const before = { llm: connection.broker.peek('openai'), mcp: connection.broker.peek('mcp') };
  assert.ok(before.llm && before.mcp);
  const { calls, outcome } = await core.say('Search the docs for workload identity federation.');
  assert.equal(outcome, 'done');
  assert.deepEqual(
    calls.map(call => [call.status, call.identity?.user]),
    [['done', w.sandbox.json.users[0]?.upn]],
  );
  const receipt = JSON.parse((await readFile(core.receipts.file, 'utf8')).trimEnd()) as Receipt;
  assert.notEqual(receipt.tokenFingerprint, before.mcp.fingerprint);
  assert.ok(Date.parse(receipt.tokenExpiresAt ?? '') > Date.parse(receipt.time) - 1_000, 'not one that was over');
  assert.notEqual((await connection.broker.get('openai')).fingerprint, before.llm.fingerprint);

  // Later, when nobody has used them for a while and every token is over: who the call is for is known all the same, and stands on the card and the receipt.
  await sleep(LIFETIME_S * 3);
  assert.equal(connection.broker.peek('mcp'), undefined);
  core.approvals.length = 0;
  await core.say('Search the docs for token exchange.');
  assert.equal(core.approvals[0]?.agent, w.sandbox.json.agents[0]?.appId);
  assert.equal(core.approvals[0]?.user, w.sandbox.json.users[0]?.oid);
});
