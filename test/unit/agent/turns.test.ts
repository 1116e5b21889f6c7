import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '../../../src/agent/turns.ts';
import type { Session } from '../../../src/agent/session.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { ChatModel } from '../../../src/gateway/llm.ts';
import type { McpServers } from '../../../src/mcp/registry.ts';
import { done, scriptedModel, text } from './support.ts';

/** Turns in API-key mode, with no tools; `model` may take its time. */
function turnsWith(model: () => Promise<ChatModel>): Turns {
  return new Turns({
    session: { mode: 'apiKey', connection: undefined } as Session,
    servers: { catalog: () => [], list: () => [] } as unknown as McpServers,
    receipts: { file: '', append: async () => {} } as never,
    keyModel: model,
    systemPrompt: () => 'be brief',
    askApproval: async () => ({ kind: 'once' }),
    askSignIn: () => assert.fail('nobody signs in here'),
    logger: silentLogger,
    clock: { now: () => 0 },
  });
}
const observer = { answerStarted: () => {}, answerText: () => {}, answerEnded: () => {}, toolChanged: () => {} };
const never = new AbortController().signal;

test('turns go on in one conversation until it is cleared', async () => {
  const model = scriptedModel([[text('one'), done()], [text('two'), done()], [done()]]);
  const turns = turnsWith(async () => model);
  await turns.run('first', observer, never);
  await turns.run('second', observer, never);
  assert.deepEqual(
    model.heard[1]?.map(({ content }) => content),
    ['be brief', 'first', 'one', 'second'],
  );
  turns.clear();
  await turns.run('third', observer, never);
  assert.deepEqual(
    model.heard[2]?.map(({ content }) => content),
    ['be brief', 'third'],
  );
});

test('a turn that is cleared while its model is made ready leaves nothing in the new conversation', async () => {
  const model = scriptedModel([[done()]]);
  const ready = Promise.withResolvers<ChatModel>();
  let asked = 0;
  const turns = turnsWith(() => (asked++ === 0 ? ready.promise : Promise.resolve(model)));
  const abort = new AbortController();
  const old = turns.run('old', observer, abort.signal);
  abort.abort();
  turns.clear();
  ready.resolve(model);
  assert.equal(await old, 'stopped');
  await turns.run('new', observer, never);
  assert.deepEqual(
    model.heard[0]?.map(({ content }) => content),
    ['be brief', 'new'],
  );
});
