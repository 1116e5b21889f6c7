import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ChatItem, emptyChat, parseFromChat, parseToChat } from '../../../src/protocol/chat.ts';
import { clip, LIMITS } from '../../../src/protocol/common.ts';
import { emptyInspector, parseFromInspector, parseToInspector } from '../../../src/protocol/inspector.ts';

const nothing = [undefined, null, 'ready', 7, [], {}, { type: 'unknown' }, { type: ['ready'] }];

test('a message that is not one is refused in every direction', () => {
  for (const data of nothing)
    for (const parse of [parseToChat, parseFromChat, parseToInspector, parseFromInspector])
      assert.equal(parse(data), undefined, JSON.stringify(data));
});

test('the chat view can ask for what is listed and for nothing else', () => {
  for (const good of [
    { type: 'ready' },
    { type: 'needSnapshot' },
    { type: 'send', text: 'hi' },
    { type: 'stop' },
    { type: 'approve', callId: 'c', decision: 'reject', reason: 'no' },
    { type: 'runAction', id: 'agentId.connect' },
    { type: 'openLink', href: 'https://example.org/a' },
    { type: 'copy', text: 'x' },
  ])
    assert.deepEqual(parseFromChat(good), good);
  for (const bad of [
    { type: 'ready', extra: 1 },
    { type: 'send', text: ' \n' },
    { type: 'send', text: 'x'.repeat(LIMITS.userText + 1) },
    { type: 'approve', callId: 'c', decision: 'always' },
    { type: 'approve', callId: '', decision: 'once' },
    { type: 'runAction', id: 'workbench.action.terminal.new' },
    { type: 'runAction', id: 'agentId.copyRawToken' },
    { type: 'openLink', href: 'command:agentId.signOut' },
    { type: 'openLink', href: 'http://example.org' },
    { type: 'openLink', href: 'https://user:pass@example.org' },
  ])
    assert.equal(parseFromChat(bad), undefined, JSON.stringify(bad));
});

test('a snapshot with one item that is too large or of an unknown kind is refused whole', () => {
  const snapshot = (item: unknown) => ({ type: 'snapshot', seq: 0, state: { ...emptyChat, items: [item] } });
  const item: ChatItem = { kind: 'assistant', id: 'a', text: 'x'.repeat(LIMITS.assistantText), status: 'done' };
  assert.ok(parseToChat(snapshot(item)));
  assert.equal(parseToChat(snapshot({ ...item, text: `${item.text}x` })), undefined);
  assert.equal(parseToChat(snapshot({ ...item, kind: 'html' })), undefined);
});

test('what a mode needs to be named is required', () => {
  const snapshot = (mode: unknown) => ({ type: 'snapshot', seq: 0, state: { ...emptyChat, mode } });
  assert.ok(parseToChat(snapshot({ kind: 'sandbox', agent: 'a', user: 'u' })));
  assert.ok(parseToChat(snapshot({ kind: 'connected', agent: 'a' })), 'nobody is signed in yet');
  assert.equal(parseToChat(snapshot({ kind: 'connected', user: 'u' })), undefined);
  assert.equal(parseToChat(snapshot({ kind: 'apiKey' })), undefined);
});

test('a raw token has a deadline that can not be pushed out', () => {
  const raw = { type: 'raw', token: 'tc', raw: 'e.e.e', clearAfterMs: 30_000 };
  assert.deepEqual(parseToInspector(raw), raw);
  assert.equal(parseToInspector({ ...raw, clearAfterMs: 10_000_000 }), undefined);
  assert.equal(parseToInspector({ ...raw, raw: 'x'.repeat(LIMITS.rawToken + 1) }), undefined);
});

test('the inspector has no place for a raw token in its state', () => {
  const state = { ...emptyInspector, tokens: [{ id: 'tc', label: 'Tc', status: { kind: 'ok' }, raw: 'e.e.e' }] };
  const parsed = parseToInspector({ type: 'snapshot', seq: 0, now: 0, state });
  assert.equal(JSON.stringify(parsed).includes('e.e.e'), false);
});

test('clip keeps the limit and never splits a character', () => {
  assert.equal(clip('abc', 3), 'abc');
  assert.equal(clip('abcd', 3), 'ab…');
  assert.equal(clip('a😀bc', 3), 'a…');
  assert.equal(clip('ab😀c', 4), 'ab…');
});
