import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTurn } from '../../../src/agent/turn.ts';
import type { DenialReason } from '../../../src/gateway/policy.ts';
import { done, ok, scriptedModel, text, toolCall, turnOptions } from './support.ts';

const denial = (outcome: DenialReason['outcome']): DenialReason => ({
  ...{ outcome, mode: 'require', rule: 'r', clause: 'c', claims: [], cause: 'claimMissing' },
  ...{ everyTool: true, summary: 's', remedy: { code: 'refreshToken' } },
});

/** What the card says while the person is asked about a call of `tool`, when the rules say `outcome` of it. */
async function foretold(tool: string, outcome: DenialReason['outcome']) {
  const model = scriptedModel([
    [toolCall('1', tool), done('tool_calls')],
    [text('so'), done()],
  ]);
  const run = turnOptions(model, { [tool]: async () => ok('x') });
  run.options.explainDenial = () => denial(outcome);
  await runTurn('go', run.options);
  return run.states.find(({ status }) => status === 'waiting')?.denial?.outcome;
}

test('a refusal is foretold before the person is asked, also of a tool that was listed for an earlier token', async () => {
  assert.equal(await foretold('hidden_tool', 'denied'), 'denied');
  assert.equal(await foretold('hidden_tool', 'unknown'), 'unknown');
  assert.equal(await foretold('listed_tool', 'denied'), 'denied');
  assert.equal(await foretold('listed_tool', 'unknown'), undefined, 'the gateway listed it, which says more');
});
