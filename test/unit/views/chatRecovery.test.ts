import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { startChat, toolState, type Chat } from './support.ts';

let chat: Chat;
beforeEach(() => {
  chat = startChat();
});

/** Lets everything run that is due. */
const settle = () => new Promise(resolve => setImmediate(resolve));

describe('a turn that failed', () => {
  const fail = (code = 'sidecar.consentMissing') => {
    chat.run = async (_text, observer) => {
      observer.toolChanged(toolState({ callId: 'c1', status: 'error' }));
      throw new AgentIdError(code);
    };
  };
  const notice = () => chat.items().findLast(item => item.kind === 'notice');

  test('can be taken up from its notice, in its own rows', async () => {
    fail();
    await chat.controller.send('hi');
    const { id = '', retry } = notice() ?? {};
    assert.equal(retry, true);
    chat.run = async (_text, observer) => observer.toolChanged(toolState({ callId: 'c1', status: 'done' }));
    chat.controller.handle({ type: 'retry', id: 'another' });
    chat.controller.handle({ type: 'retry', id });
    chat.controller.handle({ type: 'retry', id });
    await settle();
    assert.deepEqual(chat.heard, ['hi', 'retry']);
    assert.deepEqual(
      chat.items().map(item => [item.kind, item.kind === 'tool' && item.status]),
      [
        ['user', false],
        ['tool', 'done'],
      ],
    );
  });

  test('can not when there is nothing to repeat, nor after a new message', async () => {
    for (const code of ['agent.stepLimit', 'agent.answerCut', 'agent.contentFiltered']) {
      fail(code);
      await chat.controller.send('hi');
      assert.equal(notice()?.retry, undefined, code);
    }
    fail();
    await chat.controller.send('hi');
    const { id = '' } = notice() ?? {};
    chat.run = async () => {};
    await chat.controller.send('something else');
    chat.controller.handle({ type: 'retry', id });
    assert.equal(chat.heard.at(-1), 'something else');
  });
});

test('a question for a sign-in stands below what was said until it is answered', () => {
  const row = chat.controller.askSignIn({ sentence: 'Your sign-in has ended.', actions: [] });
  const asked = chat.items().at(-1);
  assert.ok(asked?.kind === 'notice' && asked.asks);
  assert.deepEqual([chat.controller.asking, chat.attention], [true, 1]);
  row.dispose();
  assert.deepEqual([chat.items(), chat.controller.asking], [[], false]);
  const second = chat.controller.askSignIn({ sentence: 'Again.', actions: [] });
  chat.controller.clear();
  second.dispose();
  assert.deepEqual([chat.items(), chat.controller.asking], [[], false]);
});

test('a mark says who acts from here on, where that changes in the middle of a conversation', async () => {
  const marks = () => chat.items().flatMap(item => (item.kind === 'notice' ? [item.failure.sentence] : []));
  for (const actor of [undefined, 'a for ada', 'a for ada', undefined, 'b for ada']) {
    chat.actor = actor;
    await chat.controller.send('hi');
  }
  assert.deepEqual(marks(), ['b for ada']);
  chat.controller.clear();
  chat.actor = 'b for grace';
  await chat.controller.send('hi');
  assert.deepEqual(marks(), [], 'nothing was said before');
});
