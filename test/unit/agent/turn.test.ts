import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_STEPS, runTurn } from '../../../src/agent/turn.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import { done, ok, scriptedModel, server, text, toolCall, turnOptions } from './support.ts';

const isCode = (code: string) => (error: unknown) => AgentIdError.is(error, code);

test('text is passed on piece by piece, and the answer is remembered', async () => {
  const run = turnOptions(scriptedModel([[text('Hel'), text('lo'), done()]]), {});
  assert.equal(await runTurn('hi', run.options), 'done');
  assert.deepEqual(run.said, ['Hel', 'lo']);
  assert.deepEqual(run.ends, ['done']);
  assert.deepEqual(run.options.conversation.messages('').at(-1), { role: 'assistant', content: 'Hello' });
});

test('calls of one answer run side by side, and their results go back in order', async () => {
  let running = 0;
  let most = 0;
  const slow = (value: string, ms: number) => async () => {
    most = Math.max(most, ++running);
    await new Promise(resolve => setTimeout(resolve, ms));
    running--;
    return ok(value);
  };
  const model = scriptedModel([
    [toolCall('1', 'a'), toolCall('2', 'b'), done('tool_calls')],
    [text('both'), done()],
  ]);
  const run = turnOptions(model, { a: slow('first', 30), b: slow('second', 1) });
  await runTurn('go', run.options);
  assert.equal(most, 2);
  assert.deepEqual(
    model.heard[1]?.filter(message => message.role === 'tool').map(message => message.content),
    ['first', 'second'],
  );
  assert.deepEqual(
    run.receipts.map(receipt => [receipt.tool, receipt.decision, receipt.approval]),
    [
      ['b', 'ok', 'once'],
      ['a', 'ok', 'once'],
    ],
  );
});

test('a model that never stops asking is stopped', async () => {
  const answers = Array.from({ length: MAX_STEPS + 5 }, (_, index) => [toolCall(`${index}`, 'a'), done('tool_calls')]);
  const model = scriptedModel(answers);
  const run = turnOptions(model, { a: async () => ok('again') });
  await assert.rejects(runTurn('loop', run.options), isCode('agent.stepLimit'));
  assert.equal(model.heard.length, MAX_STEPS);
});

test('stopping ends the model and keeps what was said', async () => {
  const hang = () => new Promise<void>(resolve => setTimeout(resolve, 10));
  const model = scriptedModel([[text('half'), async () => run.abort.abort(), hang, text('never'), done()]]);
  const run = turnOptions(model, {});
  assert.equal(await runTurn('hi', run.options), 'stopped');
  assert.deepEqual(run.said, ['half']);
  assert.deepEqual(run.ends, ['stopped']);
  assert.deepEqual(run.options.conversation.messages('').at(-1), { role: 'assistant', content: 'half' });
});

test('stopping reaches the tool call, which leaves a receipt and a valid history', async () => {
  let aborted = false;
  const model = scriptedModel([[toolCall('1', 'a'), done('tool_calls')]]);
  const run = turnOptions(model, {
    a: (_name, _args, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(signal.reason as Error);
        });
        setImmediate(() => run.abort.abort());
      }),
  });
  assert.equal(await runTurn('hi', run.options), 'stopped');
  assert.equal(aborted, true);
  assert.equal(run.states.at(-1)?.status, 'cancelled');
  assert.equal(run.receipts[0]?.decision, 'cancelled');
  assert.equal(run.options.conversation.messages('').at(-1)?.role, 'tool');
});

test('stopping while the person is asked cancels the call', async () => {
  const model = scriptedModel([[toolCall('1', 'a'), done('tool_calls')]]);
  let called = false;
  const run = turnOptions(
    model,
    {
      a: async () => {
        called = true;
        return ok('');
      },
    },
    new Promise(resolve =>
      setTimeout(() => {
        run.abort.abort();
        resolve({ kind: 'once' });
      }, 5),
    ),
  );
  assert.equal(await runTurn('hi', run.options), 'stopped');
  assert.equal(called, false);
  assert.equal(run.receipts[0]?.decision, 'cancelled');
});

for (const bad of ['{"a":', '[1]', '"text"', 'null']) {
  test(`arguments that are no JSON object go back to the model: ${bad}`, async () => {
    const model = scriptedModel([
      [toolCall('1', 'a', bad), done('tool_calls')],
      [text('sorry'), done()],
    ]);
    let called = false;
    const run = turnOptions(model, {
      a: async () => {
        called = true;
        return ok('');
      },
    });
    await runTurn('hi', run.options);
    assert.equal(called, false);
    const told = model.heard[1]?.at(-1);
    assert.ok(told?.role === 'tool' && /not a JSON object/.test(told.content));
    assert.ok(AgentIdError.is(run.states.at(-1)?.error, 'agent.badArguments'));
    assert.deepEqual(
      run.receipts.map(receipt => [
        receipt.tool,
        receipt.user?.oid,
        receipt.approval,
        receipt.decision,
        receipt.errorCode,
      ]),
      [['a', 'u-1', 'none', 'failed', 'agent.badArguments']],
    );
  });
}

test('a tool without parameters may be called with nothing', async () => {
  const model = scriptedModel([[toolCall('1', 'a', ''), done('tool_calls')], [done()]]);
  let seen: unknown;
  const run = turnOptions(model, {
    a: async (_name, args) => {
      seen = args;
      return ok('fine');
    },
  });
  await runTurn('hi', run.options);
  assert.deepEqual(seen, {});
});

test('the error text of a tool reaches the model and the person', async () => {
  const model = scriptedModel([
    [toolCall('1', 'a'), done('tool_calls')],
    [text('hm'), done()],
  ]);
  const run = turnOptions(model, { a: async () => ({ text: 'disk is full', isError: true, content: [] }) });
  await runTurn('hi', run.options);
  const told = model.heard[1]?.at(-1);
  assert.ok(told?.role === 'tool' && told.content.includes('disk is full'));
  assert.equal(run.states.at(-1)?.result, 'disk is full');
  assert.equal(run.states.at(-1)?.status, 'error');
  assert.equal(run.receipts[0]?.decision, 'toolError');
});

test('a denied tool says so once, with the policy where it is known', async () => {
  const model = scriptedModel([
    [toolCall('1', 'hidden_a'), done('tool_calls')],
    [text('ok'), done()],
  ]);
  const run = turnOptions(model, {
    hidden_a: async () => {
      throw new AgentIdError('mcp.unknownTool', { tool: 'hidden_a' });
    },
  });
  await runTurn('hi', run.options);
  assert.equal(run.states.at(-1)?.status, 'denied');
  assert.equal(run.receipts[0]?.decision, 'denied');
  assert.equal(run.receipts[0]?.errorCode, 'mcp.unknownTool');
});

test('a call that the person rejects is not made, and the model hears why', async () => {
  const model = scriptedModel([
    [toolCall('1', 'a'), done('tool_calls')],
    [text('ok'), done()],
  ]);
  let called = false;
  const run = turnOptions(
    model,
    {
      a: async () => {
        called = true;
        return ok('');
      },
    },
    { kind: 'reject', reason: 'not on Mondays' },
  );
  await runTurn('hi', run.options);
  assert.equal(called, false);
  const told = model.heard[1]?.at(-1);
  assert.ok(told?.role === 'tool' && told.content.includes('not on Mondays'));
  assert.equal(run.receipts[0]?.decision, 'rejected');
});

test('a tool that nobody offers is answered without a call', async () => {
  const model = scriptedModel([
    [toolCall('1', 'ghost'), done('tool_calls')],
    [text('ok'), done()],
  ]);
  const run = turnOptions(model, {});
  await runTurn('hi', run.options);
  assert.ok(AgentIdError.is(run.states.at(-1)?.error, 'agent.noSuchTool'));
  const [receipt] = run.receipts;
  assert.deepEqual(
    [receipt?.tool, receipt?.server, receipt?.user, receipt?.approval, receipt?.decision, receipt?.errorCode],
    ['ghost', undefined, undefined, 'none', 'failed', 'agent.noSuchTool'],
  );
});

test('a failing model fails the turn; the next one works on a valid history', async () => {
  const model = scriptedModel([
    [
      text('par'),
      async () => {
        throw new AgentIdError('llm.unavailable', { status: 503 });
      },
    ],
    [text('fine'), done()],
  ]);
  const run = turnOptions(model, {});
  await assert.rejects(runTurn('one', run.options), isCode('llm.unavailable'));
  assert.deepEqual(run.ends, ['failed']);
  assert.equal(await runTurn('two', run.options), 'done');
  assert.deepEqual(
    model.heard[1]?.map(message => message.role),
    ['user', 'assistant', 'user'],
  );
});

test('an answer cut by the length limit says so', async () => {
  const run = turnOptions(scriptedModel([[text('long'), done('length')]]), {});
  await assert.rejects(runTurn('hi', run.options), isCode('agent.answerCut'));
});

test('ids that a model uses twice are told apart', async () => {
  const model = scriptedModel([
    [toolCall('x', 'a'), toolCall('x', 'a'), toolCall('', 'a'), done('tool_calls')],
    [toolCall('x', 'a'), done('tool_calls')],
    [text('ok'), done()],
  ]);
  const run = turnOptions(model, { a: async () => ok('r') });
  await runTurn('hi', run.options);
  assert.equal(new Set(run.receipts.map(receipt => receipt.callId)).size, 4);
});

test('ids stay short enough to be sent back, and those that begin alike are told apart', async () => {
  const long = 'call_'.repeat(60);
  const model = scriptedModel([
    [toolCall(`${long}a`, 'a'), toolCall(`${long}b`, 'a'), done('tool_calls')],
    [text('ok'), done()],
  ]);
  const run = turnOptions(model, { a: async () => ok('r') });
  await runTurn('hi', run.options);
  const ids = run.receipts.map(receipt => receipt.callId);
  assert.equal(new Set(ids).size, 2);
  assert.ok(ids.every(id => id.length <= 40));
  const sent = model.heard[1]?.flatMap(message => (message.role === 'tool' ? [message.toolCallId] : []));
  assert.deepEqual(sent, ids);
});

test('a receipt names the token that the call went out with, not the one from before the person was asked', async () => {
  const model = scriptedModel([[toolCall('1', 'a'), done('tool_calls')], [done()]]);
  const run = turnOptions(model, {
    a: async () => {
      renewed = true;
      return ok('r');
    },
  });
  let renewed = false;
  const { user, agent, blueprint } = run.options.identity(server(async () => ok('')))!;
  const token = { audience: 'api://mcp', fingerprint: 'fresh', expiresAt: 1_900_000_000_000 };
  run.options.identity = () => ({ user, agent, blueprint, ...(renewed && { token }) });
  await runTurn('hi', run.options);
  assert.deepEqual(run.states[0]?.identity, { user: 'ana@contoso.example', agent: 'agent-1' });
  assert.equal(run.receipts[0]?.user?.oid, 'u-1');
  assert.equal(run.receipts[0]?.tokenFingerprint, 'fresh');
  assert.equal(run.receipts[0]?.tokenExpiresAt, new Date(1_900_000_000_000).toISOString());
});

test('a receipt never puts one user beside the token of another', async () => {
  const model = scriptedModel([[toolCall('1', 'a'), done('tool_calls')], [done()]]);
  const run = turnOptions(model, {
    a: async () => {
      run.options.identity = () => ({ ...who, user: { oid: 'u-2', username: 'bo@contoso.example' }, token: theirs });
      throw new AgentIdError('tunnel.closed', { name: 'gateway' });
    },
  });
  const who = run.options.identity(server(async () => ok('')))!;
  const theirs = { audience: 'api://mcp', fingerprint: 'of-u-2', expiresAt: 1_900_000_000_000 };
  await runTurn('hi', run.options);
  assert.equal(run.receipts[0]?.user?.oid, 'u-1');
  assert.equal(run.receipts[0]?.tokenFingerprint, '0123456789abcdef');
});

test('the query of an address that a person typed is in no receipt', async () => {
  const model = scriptedModel([[toolCall('1', 'a'), done('tool_calls')], [done()]]);
  const run = turnOptions(model, { a: async () => ok('r') });
  const resolve = run.options.resolve.bind(run.options);
  run.options.resolve = name => {
    const found = resolve(name)!;
    const spec = { ...found.server.spec, url: 'https://example.com/mcp?api_key=s3cret#s3cret' };
    return { ...found, server: { ...found.server, spec } };
  };
  await runTurn('hi', run.options);
  assert.equal(run.receipts[0]?.server?.url, 'https://example.com/mcp');
  assert.doesNotMatch(JSON.stringify(run.receipts), /s3cret/);
});

test('all calls of a turn share a trace id and have a span of their own', async () => {
  const model = scriptedModel([[toolCall('1', 'a'), toolCall('2', 'a'), done('tool_calls')], [done()]]);
  const run = turnOptions(model, { a: async () => ok('r') });
  await runTurn('hi', run.options);
  const parents = run.receipts.map(receipt => receipt.traceparent);
  for (const parent of parents) assert.match(parent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  assert.equal(new Set(parents.map(parent => parent.slice(3, 35))).size, 1);
  assert.equal(new Set(parents).size, 2);
});

const consent = new AgentIdError('sidecar.consentMissing', { api: 'mcp' });

test('what is mended is done once more, and leaves one receipt', async () => {
  const model = scriptedModel([
    [toolCall('1', 'a'), done('tool_calls')],
    [text('ok'), done()],
  ]);
  let tries = 0;
  const run = turnOptions(model, {
    a: async () => {
      if (++tries === 1) throw consent;
      return ok('r');
    },
  });
  run.options.mend = async error => error === consent;
  assert.equal(await runTurn('hi', run.options), 'done');
  assert.equal(tries, 2);
  assert.deepEqual(
    run.receipts.map(receipt => receipt.decision),
    ['ok'],
  );
  assert.equal(run.asked.length, 1);
});

test('a call without a token stops the turn beside one that was made; taken up, only that call is made', async () => {
  const model = scriptedModel([
    [toolCall('1', 'a'), toolCall('2', 'b'), done('tool_calls')],
    [text('both'), done()],
  ]);
  const made: string[] = [];
  let granted = false;
  const run = turnOptions(model, {
    a: async () => {
      made.push('a');
      return ok('first');
    },
    b: async () => {
      if (!granted) throw consent;
      made.push('b');
      return ok('second');
    },
  });
  await assert.rejects(runTurn('hi', run.options), error => error === consent);
  assert.equal(model.heard.length, 1, 'the model can do nothing about it');
  granted = true;
  assert.equal(await runTurn(undefined, run.options), 'done');
  assert.deepEqual(made, ['a', 'b']);
  assert.deepEqual(
    model.heard[1]?.flatMap(message => (message.role === 'tool' ? [[message.toolCallId, message.content]] : [])),
    [
      ['1', 'first'],
      ['2', 'second'],
    ],
  );
  assert.deepEqual(
    run.receipts.map(({ callId, decision }) => [callId, decision]),
    [
      ['1', 'ok'],
      ['2', 'failed'],
      ['2', 'ok'],
    ],
  );
});

test('an answer that broke off is asked for anew when the turn is taken up', async () => {
  const broken = async () => {
    throw new AgentIdError('llm.interrupted', { detail: '' });
  };
  const model = scriptedModel([
    [text('par'), broken],
    [text('whole'), done()],
  ]);
  const run = turnOptions(model, {});
  await assert.rejects(runTurn('hi', run.options), isCode('llm.interrupted'));
  await runTurn(undefined, run.options);
  assert.deepEqual(run.options.conversation.messages(''), [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: 'whole' },
  ]);
});

test('more tools than a model takes are said before anything is sent', async () => {
  const names = Array.from({ length: 129 }, (_, number) => [`t${number}`, async () => ok('')] as const);
  const model = scriptedModel([]);
  const run = turnOptions(model, Object.fromEntries(names));
  await assert.rejects(runTurn('hi', run.options), { code: 'agent.tooManyTools', args: { tools: 129, limit: 128 } });
  assert.equal(model.heard.length, 0);
});
