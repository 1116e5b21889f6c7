import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ChatItem, type ChatOperation, type ChatState, emptyChat } from '../../../src/protocol/chat.ts';
import { applyToChat } from '../../../src/protocol/chatState.ts';
import { LIMITS } from '../../../src/protocol/common.ts';
import { applyToInspector, emptyInspector } from '../../../src/protocol/inspector.ts';
import { Receiver } from '../../../src/protocol/receiver.ts';

const answer: ChatItem = { kind: 'assistant', id: 'a', text: 'Hel', status: 'streaming' };
const withAnswer: ChatState = { ...emptyChat, items: [{ kind: 'user', id: 'u', text: 'hi' }, answer] };

test('operations change what they name and leave the rest as the same objects', () => {
  const appended = applyToChat(withAnswer, { op: 'append', id: 'a', text: 'lo' });
  assert.deepEqual(appended?.items[1], { ...answer, text: 'Hello' });
  assert.equal(appended?.items[0], withAnswer.items[0]);
  assert.equal(applyToChat(withAnswer, { op: 'busy', busy: true })?.busy, true);
  assert.deepEqual(applyToChat(withAnswer, { op: 'remove', id: 'u' })?.items, [answer]);
  const done: ChatItem = { ...answer, status: 'done' };
  assert.deepEqual(applyToChat(withAnswer, { op: 'update', item: done })?.items[1], done);
});

test('an operation that does not fit is reported, not guessed', () => {
  const misfits: ChatOperation[] = [
    { op: 'append', id: 'u', text: 'to a user' },
    { op: 'append', id: 'nobody', text: 'x' },
    { op: 'add', item: answer },
    { op: 'remove', id: 'nobody' },
    { op: 'update', item: { kind: 'user', id: 'a', text: 'another kind' } },
  ];
  for (const operation of misfits) assert.equal(applyToChat(withAnswer, operation), undefined, operation.op);
});

test('a conversation keeps its newest items, an answer its limit', () => {
  let state: ChatState = emptyChat;
  for (let n = 0; n <= LIMITS.items; n++)
    state = applyToChat(state, { op: 'add', item: { kind: 'user', id: String(n), text: '' } })!;
  assert.equal(state.items.length, LIMITS.items);
  assert.equal(state.items[0]?.id, '1');
  const long = applyToChat(withAnswer, { op: 'append', id: 'a', text: 'x'.repeat(LIMITS.assistantText) });
  const item = long?.items[1];
  assert.equal(item?.kind === 'assistant' && item.text.length, LIMITS.assistantText);
});

test('the inspector replaces a token in place and adds a new one at the end', () => {
  const row = (id: string, kind: 'ok' | 'loading') => ({ id, label: id, status: { kind } }) as const;
  const one = applyToInspector(emptyInspector, { op: 'token', token: row('tc', 'loading') })!;
  const two = applyToInspector(one, { op: 'token', token: row('mcp', 'loading') })!;
  const three = applyToInspector(two, { op: 'token', token: row('tc', 'ok') })!;
  assert.deepEqual(
    three.tokens.map(token => [token.id, token.status.kind]),
    [
      ['tc', 'ok'],
      ['mcp', 'loading'],
    ],
  );
  assert.equal(applyToInspector(three, { op: 'remove', id: 'nobody' }), undefined);
});

const busy = (seq: number, value = true) =>
  ({ type: 'patch', seq, operations: [{ op: 'busy', busy: value }] }) as const;

test('a receiver follows numbered patches, ignores old ones and reports one gap', () => {
  const receiver = new Receiver(emptyChat, applyToChat);
  assert.equal(receiver.receive(busy(1)), 'stale', 'nothing before the first snapshot');
  assert.equal(receiver.receive({ type: 'snapshot', seq: 4, state: emptyChat }), 'changed');
  assert.equal(receiver.receive(busy(4)), 'stale');
  assert.equal(receiver.receive(busy(5)), 'changed');
  assert.equal(receiver.state.busy, true);
  assert.equal(receiver.receive(busy(7, false)), 'gap');
  assert.equal(receiver.state.busy, true, 'a gap changes nothing');
  assert.equal(receiver.receive(busy(8, false)), 'stale', 'one gap is one request');
  assert.equal(receiver.receive({ type: 'snapshot', seq: 8, state: emptyChat }), 'changed');
  assert.equal(receiver.receive(busy(9)), 'changed');
});

test('a patch that does not fit is a gap and is not half applied', () => {
  const receiver = new Receiver(emptyChat, applyToChat);
  receiver.receive({ type: 'snapshot', seq: 0, state: emptyChat });
  const operations: ChatOperation[] = [
    { op: 'busy', busy: true },
    { op: 'append', id: 'x', text: 'x' },
  ];
  assert.equal(receiver.receive({ type: 'patch', seq: 1, operations }), 'gap');
  assert.equal(receiver.state, emptyChat);
});
