import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation } from '../../../src/agent/conversation.ts';

const call = (id: string) => ({ id, name: 'tool', arguments: '{}' });

test('the system prompt comes first, and an empty one is left out', () => {
  const conversation = new Conversation();
  conversation.addUser('hello');
  assert.deepEqual(conversation.messages('be kind'), [
    { role: 'system', content: 'be kind' },
    { role: 'user', content: 'hello' },
  ]);
  assert.deepEqual(conversation.messages(''), [{ role: 'user', content: 'hello' }]);
});

test('a call without a result gets one before the next message, in place', () => {
  const conversation = new Conversation();
  conversation.addUser('go');
  conversation.addAssistant('', [call('a'), call('b')]);
  conversation.addToolResult('a', 'done');
  conversation.addUser('and now?');
  const roles = conversation.messages('').map(message => message.role);
  assert.deepEqual(roles, ['user', 'assistant', 'tool', 'tool', 'user']);
  const invented = conversation.messages('')[3];
  assert.ok(invented?.role === 'tool' && invented.toolCallId === 'b' && /interrupted/.test(invented.content));
});

test('an answer with neither text nor calls leaves nothing', () => {
  const conversation = new Conversation();
  conversation.addAssistant('', []);
  assert.deepEqual(conversation.messages(''), []);
});

test('whatever the order of events, every call has exactly one result right behind it', () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 300; round++) {
    const conversation = new Conversation();
    const ids: string[] = [];
    for (let step = 0; step < 12; step++) {
      const dice = random(4);
      if (dice === 0) conversation.addUser(`u${step}`);
      else if (dice === 1) {
        const calls = Array.from({ length: random(3) }, (_, index) => call(`${round}-${step}-${index}`));
        ids.push(...calls.map(made => made.id));
        conversation.addAssistant(random(2) ? 'text' : '', calls);
      } else conversation.addToolResult(ids[random(Math.max(1, ids.length))] ?? 'stray', 'result');
    }
    const open = new Set<string>();
    for (const message of conversation.messages('')) {
      if (message.role === 'tool') assert.ok(open.delete(message.toolCallId), 'a result without an open call');
      else assert.equal(open.size, 0, 'a call without a result');
      if (message.role === 'assistant') for (const { id } of message.toolCalls ?? []) open.add(id);
    }
    assert.equal(open.size, 0);
  }
});
