import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTurn } from '../../../src/agent/turn.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createKeyModel } from '../../../src/gateway/keyModel.ts';
import { answerChat, chunk, startServer } from '../gateway/server.ts';
import { turnOptions } from './support.ts';

test('an answer that a content filter ends keeps what was said, and says so', async () => {
  const server = await startServer((_request, response) =>
    answerChat(response, [chunk({ content: 'It begins' }), chunk({}, 'content_filter')]),
  );
  try {
    const endpoint = `${server.origin}/v1`;
    const model = await createKeyModel({ fetch, endpoint, kind: 'openai', model: 'm', key: 'k', logger: silentLogger });
    const run = turnOptions(model, {});
    await assert.rejects(runTurn('hi', run.options), { code: 'agent.contentFiltered' });
    assert.deepEqual([run.said, run.ends], [['It begins'], ['done']]);
    assert.equal(run.options.conversation.messages('').at(-1)?.content, 'It begins');
  } finally {
    await server.close();
  }
});
