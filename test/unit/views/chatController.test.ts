import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { ApprovalAnswer } from '../../../src/agent/approvals.ts';
import type { ToolCallState } from '../../../src/agent/toolCall.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import type { DenialReason } from '../../../src/gateway/policy.ts';
import { LIMITS } from '../../../src/protocol/common.ts';
import { approvalOf, startChat, toolState, type Chat, type Observer } from './support.ts';

let chat: Chat;
beforeEach(() => {
  chat = startChat();
});

const kinds = () => chat.items().map(item => item.kind);
/** Lets everything run that is due. */
const settle = () => new Promise(resolve => setImmediate(resolve));

describe('a turn', () => {
  test('shows the question, the answer as it comes, and that it is over', async () => {
    const next = Promise.withResolvers<void>();
    chat.run = async (_text, observer) => {
      observer.answerStarted();
      observer.answerText('Hel');
      await next.promise;
      observer.answerText('lo');
      observer.answerEnded('done');
    };
    const sent = chat.controller.send('hi');
    assert.equal(chat.state().busy, true);
    assert.deepEqual(
      chat.items().map(item => 'text' in item && [item.kind, item.text]),
      [
        ['user', 'hi'],
        ['assistant', 'Hel'],
      ],
    );
    next.resolve();
    await sent;
    assert.equal(chat.state().busy, false);
    assert.deepEqual(chat.items().at(-1), { kind: 'assistant', id: 'a2', text: 'Hello', status: 'done' });
  });

  test('an answer without text leaves no row, and two answers of a turn are two', async () => {
    chat.run = async (_text, observer) => {
      for (const text of ['', 'one', 'two']) {
        observer.answerStarted();
        if (text) observer.answerText(text);
        observer.answerEnded('done');
      }
    };
    await chat.controller.send('hi');
    assert.deepEqual(kinds(), ['user', 'assistant', 'assistant']);
  });

  test('a message that comes while one runs is ignored', async () => {
    const end = Promise.withResolvers<void>();
    chat.run = () => end.promise;
    const first = chat.controller.send('one');
    await chat.controller.send('two');
    chat.controller.handle({ type: 'send', text: 'three' });
    assert.deepEqual(kinds(), ['user']);
    assert.deepEqual(chat.heard, ['one']);
    end.resolve();
    await first;
    chat.run = async () => {};
    await chat.controller.send('four');
    assert.deepEqual(chat.heard, ['one', 'four']);
  });

  test('a failure is one notice below what was said; a cancellation is none', async () => {
    chat.run = async (_text, observer) => {
      observer.answerStarted();
      observer.answerText('half');
      observer.answerEnded('failed');
      throw new AgentIdError('llm.unavailable', { status: 503 });
    };
    await chat.controller.send('hi');
    assert.deepEqual(kinds(), ['user', 'assistant', 'notice']);
    const notice = chat.items()[2];
    assert.ok(notice?.kind === 'notice' && notice.level === 'error' && notice.failure.sentence.includes('503'));
    for (const error of [new DOMException('x', 'AbortError'), new AgentIdError('cancelled')]) {
      chat.run = () => Promise.reject(error);
      await chat.controller.send('hi');
      assert.equal(chat.items().at(-1)?.kind, 'user');
    }
    assert.equal(chat.state().busy, false);
  });

  test('a stopped one keeps what was said and says nothing of what the stop broke', async () => {
    chat.run = async (_text, observer, signal) => {
      observer.answerStarted();
      observer.answerText('half');
      await aborted(signal);
      throw new AgentIdError('tunnel.closed', { name: 'gateway' });
    };
    const sent = chat.controller.send('hi');
    chat.controller.handle({ type: 'stop' });
    await sent;
    assert.deepEqual(kinds(), ['user', 'assistant']);
    const answer = chat.items()[1];
    assert.equal(answer?.kind === 'assistant' && answer.status, 'stopped');
  });
});

describe('approvals', () => {
  /** A turn with one call that asks; what the person's answer was, or what ended the wait. */
  function asking(request = approvalOf('c1')) {
    const answer = Promise.withResolvers<ApprovalAnswer>();
    chat.run = async (_text, observer, signal) => {
      observer.toolChanged(toolState({ callId: request.callId, status: 'waiting' }));
      const asked = chat.controller.askApproval(request, signal);
      asked.then(answer.resolve, answer.reject);
      await asked;
    };
    return { answer: answer.promise, sent: chat.controller.send('go') };
  }
  const card = () => chat.items().findLast(item => item.kind === 'tool');

  test('wait for the person, bring the chat into view, and take the first answer only', async () => {
    for (const [decision, expected] of [
      [{ decision: 'once' }, { kind: 'once' }],
      [{ decision: 'session' }, { kind: 'session' }],
      [{ decision: 'reject' }, { kind: 'reject' }],
      [
        { decision: 'reject', reason: 'not now' },
        { kind: 'reject', reason: 'not now' },
      ],
    ] as const) {
      const before = chat.attention;
      const { answer, sent } = asking();
      assert.equal(chat.attention, before + 1);
      const callId = card()?.callId ?? '';
      chat.controller.handle({ type: 'approve', callId: 'another', decision: 'session' });
      await settle();
      assert.equal(chat.state().busy, true, 'an answer to another call is none');
      chat.controller.handle({ type: 'approve', callId, ...decision });
      chat.controller.handle({ type: 'approve', callId, decision: 'session' });
      assert.deepEqual(await answer, expected);
      await sent;
    }
  });

  test('an answer to a call of an earlier turn does nothing, although the model numbers its calls anew', async () => {
    const first = asking();
    const earlier = card()?.callId ?? '';
    chat.controller.handle({ type: 'approve', callId: earlier, decision: 'once' });
    await first.sent;
    const second = asking();
    assert.notEqual(card()?.callId, earlier);
    chat.controller.handle({ type: 'approve', callId: earlier, decision: 'session' });
    await settle();
    assert.equal(chat.state().busy, true);
    chat.controller.stop();
    await assert.rejects(second.answer, { name: 'AbortError' });
    await second.sent;
  });

  test('stop ends the wait, and so do clear and a new chat', async () => {
    for (const end of ['stop', 'clear', 'newChat'] as const) {
      const { answer, sent } = asking();
      const callId = card()?.callId ?? '';
      chat.controller[end]();
      await assert.rejects(answer, { name: 'AbortError' });
      await sent;
      chat.controller.handle({ type: 'approve', callId, decision: 'session' }); // too late: nobody waits
    }
  });

  test('nobody is asked for a turn that was stopped already', async () => {
    await assert.rejects(chat.controller.askApproval(approvalOf('c1'), AbortSignal.abort()), { name: 'AbortError' });
    assert.equal(chat.attention, 0);
  });

  test('two calls side by side are asked for one by one', async () => {
    const answers: ApprovalAnswer[] = [];
    chat.run = async (_text, observer, signal) => {
      const ask = async (callId: string) => {
        observer.toolChanged(toolState({ callId, status: 'waiting' }));
        answers.push(await chat.controller.askApproval(approvalOf(callId), signal));
      };
      await Promise.all([ask('a'), ask('b')]);
    };
    const sent = chat.controller.send('go');
    const [a, b] = chat.items().filter(item => item.kind === 'tool');
    chat.controller.handle({ type: 'approve', callId: b?.callId ?? '', decision: 'once' });
    await settle();
    assert.deepEqual(answers, [{ kind: 'once' }]);
    chat.controller.handle({ type: 'approve', callId: a?.callId ?? '', decision: 'reject' });
    await sent;
    assert.deepEqual(answers, [{ kind: 'once' }, { kind: 'reject' }]);
  });
});

describe('clearing', () => {
  test('during a turn leaves nothing behind, and nothing of the old turn is shown later', async () => {
    const late = Promise.withResolvers<void>();
    const script = async (observer: Observer, before: boolean) => {
      if (before) {
        observer.answerStarted();
        observer.answerText('before');
        observer.toolChanged(toolState({ callId: 'c1', status: 'running' }));
      }
      await late.promise; // a model and a tool that do not hear the stop
      observer.answerText(' and after');
      observer.answerEnded('done');
      observer.answerStarted();
      observer.answerText('another answer');
      observer.toolChanged(toolState({ callId: 'c1', status: 'done', result: 'late' }));
      observer.toolChanged(toolState({ callId: 'c2', status: 'waiting' }));
      throw new Error('and it fails too');
    };
    const turns: Promise<void>[] = [];
    for (const before of [true, false]) {
      chat.run = (_text, observer) => script(observer, before);
      turns.push(chat.controller.send('old'));
      chat.controller.clear();
      assert.deepEqual(chat.items(), []);
      assert.equal(chat.state().busy, false, 'the old turn does not hold up a new one');
    }
    const end = Promise.withResolvers<void>();
    chat.run = async (_text, observer) => {
      observer.answerStarted();
      observer.answerText('new');
      await end.promise;
      observer.answerEnded('done');
    };
    const sent = chat.controller.send('new question');
    late.resolve();
    await Promise.all(turns);
    assert.equal(chat.state().busy, true, 'the end of an old turn is not the end of the new one');
    end.resolve();
    await sent;
    assert.deepEqual(
      chat.items().map(item => 'text' in item && item.text),
      ['new question', 'new'],
    );
    assert.equal(chat.cleared, 2);
  });

  test('keeps what was allowed; a new chat does not, and takes the cursor', () => {
    chat.controller.clear();
    assert.equal(chat.grantsEnded, 0);
    chat.controller.newChat();
    assert.equal(chat.grantsEnded, 1);
    assert.equal(chat.cleared, 2);
    assert.deepEqual(chat.posted.at(-1), { type: 'focus' });
  });
});

describe('notices', () => {
  test('with a key replace each other and can be taken back; without one they add up', () => {
    const failure = (sentence: string) => ({ sentence, actions: [] });
    chat.controller.notice('warning', failure('one'), 'connection');
    chat.controller.notice('info', failure('between'));
    chat.controller.notice('info', failure('between'));
    chat.controller.notice('error', failure('two'), 'connection');
    const said = () => chat.items().map(item => item.kind === 'notice' && item.failure.sentence);
    assert.deepEqual(said(), ['between', 'between', 'two']);
    chat.controller.clearNotice('connection');
    chat.controller.clearNotice('connection');
    chat.controller.clearNotice('something else');
    assert.deepEqual(said(), ['between', 'between']);
    chat.controller.clear();
    chat.controller.notice('warning', failure('three'), 'connection');
    assert.deepEqual(said(), ['three']);
  });
});

describe('the feed', () => {
  test('posts nothing while no view is there, and everything to one that comes late or asks anew', async () => {
    chat.controller.feed.detach();
    chat.run = async (_text, observer) => observer.answerText('hello');
    await chat.controller.send('hi');
    chat.controller.setMode({ kind: 'sandbox', agent: 'a', user: 'u' }, ['try this']);
    const before = chat.posted.length;
    chat.attach();
    assert.equal(chat.posted.length, before + 1);
    assert.deepEqual(chat.state(), chat.controller.feed.state);
    assert.deepEqual(chat.state().prompts, ['try this']);
    chat.attach();
    chat.controller.clear();
    assert.deepEqual(chat.items(), []);
  });

  test('passes on what the view asks for, and runs nothing by itself', () => {
    chat.controller.handle({ type: 'ready' });
    chat.controller.handle({ type: 'needSnapshot' });
    chat.controller.handle({ type: 'runAction', id: 'agentId.connect' });
    chat.controller.handle({ type: 'openLink', href: 'https://example.org/' });
    chat.controller.handle({ type: 'copy', text: 'text' });
    assert.deepEqual(chat.asked, ['agentId.connect', 'https://example.org/', 'text']);
  });
});

describe('hostile input', () => {
  const BIDI = '\u202e\u2066gnp.exe\u2069\u202c\u200b\u0000\ud800';

  test('of any size reaches the view in messages that it accepts', async () => {
    const long = (text: string, length: number) => text.repeat(Math.ceil(length / text.length));
    const states: Partial<ToolCallState>[] = [
      { modelName: long('n', 5_000), arguments: long('{"a":', 90_000), status: 'waiting' },
      { modelName: BIDI, arguments: BIDI, result: long(`${BIDI}😀`, 5_000_000), status: 'done' },
      { arguments: JSON.stringify(long('[', 60_000)), traceparent: long('t', 400), status: 'error', error: { a: 1 } },
      { identity: { user: long('u', 9_000), agent: long('a', 9_000) }, error: new Error(long('e', 9_000)) },
      { status: 'denied', error: new AgentIdError('mcp.unknownTool', { server: long('s', 9_000), tool: BIDI }) },
    ];
    chat.run = async (_text, observer) => {
      observer.answerStarted();
      observer.answerText(long('x😀', LIMITS.assistantText * 2));
      observer.answerText('more');
      observer.answerText(BIDI);
      observer.answerEnded('done');
      states.forEach((state, index) => observer.toolChanged(toolState({ callId: `${index}`, ...state })));
      throw new Error(long('why ', 9_000));
    };
    await chat.controller.send(long('q', LIMITS.userText * 2));
    chat.controller.notice('error', chat.say(new AgentIdError('kubeconfig.notFound', { path: long('/p', 9_000) })));
    assert.deepEqual(kinds(), ['user', 'assistant', ...states.map(() => 'tool'), 'notice', 'notice']);
    const answer = chat.items()[1];
    assert.equal(answer?.kind === 'assistant' && answer.text.length, LIMITS.assistantText);
    chat.attach(); // a snapshot of all that must be one that the view accepts, too
  });

  test('arguments that are not shown whole say so first, so that nobody approves unawares what stands at their end', async () => {
    const whole = JSON.stringify({ path: 'a', text: 'x'.repeat(LIMITS.toolArguments), then: 'send it away' });
    chat.run = async (_text, observer) => observer.toolChanged(toolState({ arguments: whole, status: 'waiting' }));
    await chat.controller.send('hi');
    const item = chat.items()[1];
    assert.ok(item?.kind === 'tool' && item.arguments.length <= LIMITS.toolArguments);
    const [, shown, all] = /^(\d+) of (\d+)\n/.exec(item.arguments) ?? [];
    assert.equal(Number(all), whole.length);
    assert.ok(Number(shown) > LIMITS.toolArguments * 0.9);
    assert.ok(item.arguments.includes('{"path":"a"') && !item.arguments.includes('send it away'));
  });

  test('a conversation without end keeps its newest rows, and late events of rows that fell off harm nobody', async () => {
    chat.run = async (_text, observer) => {
      observer.answerStarted();
      observer.answerText('first');
      observer.toolChanged(toolState({ callId: 'first', status: 'running' }));
      for (let n = 0; n < LIMITS.items; n++) observer.toolChanged(toolState({ callId: `${n}`, status: 'done' }));
      observer.answerText('late');
      observer.answerEnded('done');
      observer.toolChanged(toolState({ callId: 'first', status: 'done' }));
    };
    await chat.controller.send('hi');
    assert.equal(chat.items().length, LIMITS.items);
    chat.controller.clear();
    assert.deepEqual(chat.items(), []);
  });
});

describe('a tool card', () => {
  const only = () => {
    const item = chat.items().find(candidate => candidate.kind === 'tool');
    assert.ok(item?.kind === 'tool');
    return item;
  };
  const show = (...states: Partial<ToolCallState>[]) => {
    chat.run = async (_text, observer) => states.forEach(state => observer.toolChanged(toolState(state)));
    return chat.controller.send('go');
  };

  test('follows its call from the question to the result, in one row', async () => {
    await show({ status: 'waiting' }, { status: 'running' }, { status: 'done', result: 'found' });
    const { durationMs = -1, ...card } = only();
    assert.ok(durationMs >= 0 && durationMs < 1_000);
    assert.deepEqual(card, {
      kind: 'tool',
      id: 't1:c1',
      callId: 't1:c1',
      name: 'search',
      server: 'AgentGateway',
      target: 'docs',
      arguments: '{ "query": "x" }',
      status: 'done',
      result: 'found',
      identity: 'agent-1 for ada@sandbox.example',
      receipt: { id: 'c1', traceparent: '00-1-2-01' },
    });
  });

  test('shows arguments that are no JSON as they came, and a tool that nobody offers by the model’s name', async () => {
    await show({
      status: 'error',
      arguments: '{"query": ',
      resolved: undefined,
      error: new AgentIdError('agent.noSuchTool', { tool: 'ghost' }),
      modelName: 'ghost',
    });
    const card = only();
    assert.equal(card.name, 'ghost');
    assert.equal(card.arguments, '{"query": ');
    assert.match(card.failure?.sentence ?? '', /“ghost” that nobody offers/);
  });

  test('says the reason of the gateway’s rules in place of the bare refusal', async () => {
    const denial: DenialReason = {
      outcome: 'denied',
      mode: 'require',
      rule: "jwt.appid in ['a'] && true",
      clause: "jwt.appid in ['a']",
      claims: [{ name: 'jwt.appid', value: 'b' }],
      cause: 'claimDiffers',
      remedy: { code: 'changeRule', clause: "jwt.appid in ['a']" },
      everyTool: false,
      summary: '',
    };
    await show({ status: 'denied', error: new AgentIdError('mcp.unknownTool', { tool: 'x' }), denial });
    assert.match(only().failure?.sentence ?? '', /policy refuses this tool.*jwt\.appid = b/);
  });
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
