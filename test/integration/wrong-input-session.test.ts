// What a person does in the middle of something else: connects again, disconnects, changes agent, waits too long.
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApprovalAnswer } from '../../src/agent/approvals.ts';
import type { ConnectionPlan } from '../../src/agent/configuration.ts';
import type { Interaction } from '../../src/agent/session.ts';
import type { ChatMessage, ChatModel } from '../../src/gateway/llm.ts';
import { ALL_DONE, answers, said, standIn, steps, thrown, works, world, type Core } from './wrong-input.fixture.ts';
import { until } from '../support/until.ts';
import { receipts } from './support/core.ts';

const w = world();
const soon = () => AbortSignal.timeout(30_000);
const research = () => w.sandbox.json.agents[0]?.deployment ?? '';
const intern = () => w.sandbox.json.agents[1]?.deployment ?? '';

/** Requests that the documentation server has seen, once no more come: streams are opened beside the listing. */
async function settledRequests(): Promise<number> {
  for (let last = -1; ;) {
    const { requests } = ((await w.control('mcp')) as { microsoft: { requests: number } }).microsoft;
    if (requests === last) return requests;
    last = requests;
    await sleep(500);
  }
}

/** A person who is shown a code and does nothing. */
function idlePerson(core: Core): { interaction: Interaction; asked: Promise<void> } {
  const asked = Promise.withResolvers<void>();
  const interaction: Interaction = {
    ...core.interaction,
    signIn: (client, signal) => client.deviceCode({ signal, onPrompt: () => asked.resolve() }),
  };
  return { interaction, asked: asked.promise };
}

const aborted = async (work: Promise<unknown>) => {
  const error = await thrown(work);
  assert.ok(
    error instanceof Error && error.name === 'AbortError',
    `an abort is not told as a failure: ${String(error)}`,
  );
};

describe('connecting while another attempt runs', () => {
  test('ends the one that waits for the person', async () => {
    const core = await w.core({ fresh: true });
    const { interaction, asked } = idlePerson(core);
    const first = aborted(core.session.connect(core.plan(intern()), interaction, soon()));
    await asked;
    const connection = await core.connect();
    await first;
    assert.deepEqual(steps(connection), ALL_DONE);
    assert.equal(core.session.connection, connection);
    assert.equal(core.session.mode, 'sandbox');
    assert.equal(core.session.plan?.deployment, research());
    await answers(core);
  });

  test('ends the one that lists tools, whose gateway is silent', async () => {
    const silent = await standIn(() => {});
    const core = await w.core();
    try {
      const restore = await w.replace('agentgateway', silent.address);
      const first = aborted(core.connect(intern()));
      await until(() => silent.requests.length > 0);
      await restore();
      const connection = await core.connect();
      await first;
      assert.deepEqual(steps(connection), ALL_DONE);
      assert.equal(core.session.plan?.deployment, research());
      assert.equal(core.session.mode, 'sandbox');
      await answers(core);
    } finally {
      silent.close();
    }
  });

  test('in a hurry, several times, leaves the last one and nothing of the others', async () => {
    const core = await w.core();
    const earlier = [core.connect(), core.connect(intern()), core.connect()].map(aborted);
    const connection = await core.connect(intern());
    await Promise.all(earlier);
    assert.equal(core.session.connection, connection);
    assert.equal(core.session.plan?.deployment, intern());
    assert.equal(core.servers.list().length, 1);
    assert.equal(connection.step('tools').kind, 'done');
    core.session.disconnect();
    await until(() => core.servers.list().length === 0);
    const open = Number(await w.kube('tunnels'));
    assert.ok(open <= 2, `${open} tunnels are open`); // closing ones included
  });
});

describe('connecting to something else', () => {
  test('leaves what is on until that is found and trusted', async () => {
    const core = await w.core();
    const connection = await core.connect();
    const stays = async () => {
      assert.equal(core.session.connection, connection);
      assert.equal(core.session.mode, 'sandbox');
      assert.equal(core.session.plan?.deployment, research());
      assert.deepEqual(steps(connection), ALL_DONE);
      await answers(core);
    };
    const declined: ConnectionPlan = { ...core.plan(intern()) };
    delete declined.world; // a cluster of one's own is to be trusted first
    const no: Interaction = { ...core.interaction, trust: async () => false };
    said(await thrown(core.session.connect(declined, no, soon())), 'agent.notTrusted');
    await stays();
    const gone = core.plan('agent-that-is-gone');
    said(await thrown(core.session.connect(gone, core.interaction, soon())), 'agent.agentGone');
    await stays();
    const cancelled = new AbortController();
    const undecided: Interaction = { ...no, trust: async () => (cancelled.abort(), true) };
    await aborted(core.session.connect(declined, undecided, cancelled.signal));
    await stays();

    assert.equal((await core.connect(intern())).step('signIn').kind, 'done');
    assert.equal(core.session.plan?.deployment, intern());
    assert.equal(core.servers.list().length, 1);
  });

  test('leaves API-key mode on as well', async () => {
    const core = await w.core();
    core.session.useApiKey();
    const gone = core.plan('agent-that-is-gone');
    said(await thrown(core.session.connect(gone, core.interaction, soon())), 'agent.agentGone');
    assert.equal(core.session.mode, 'apiKey');
    assert.equal(core.servers.list().length, 1, 'the gateway, which says what it needs');
  });
});

describe('disconnecting while connecting', () => {
  test('at the sign-in', async () => {
    const core = await w.core({ fresh: true });
    const { interaction, asked } = idlePerson(core);
    const connecting = aborted(core.session.connect(core.plan(), interaction, soon()));
    await asked;
    core.session.disconnect();
    await connecting;
    assert.equal(core.session.mode, 'disconnected');
    await works(core);
  });

  test('at the list of tools', async () => {
    const silent = await standIn(() => {});
    const core = await w.core();
    try {
      const restore = await w.replace('agentgateway', silent.address);
      const connecting = aborted(core.connect());
      await until(() => silent.requests.length > 0);
      core.session.disconnect();
      await connecting;
      assert.equal(core.session.mode, 'disconnected');
      assert.equal(core.session.connection, undefined);
      assert.deepEqual(core.servers.list(), []);
      await restore();
    } finally {
      silent.close();
    }
    await works(core);
  });

  test('by the one who began it', async () => {
    const core = await w.core({ fresh: true });
    const { interaction, asked } = idlePerson(core);
    const abort = new AbortController();
    const connecting = aborted(core.session.connect(core.plan(), interaction, abort.signal));
    await asked;
    abort.abort();
    await connecting;
    assert.equal(core.session.mode, 'disconnected');
    await works(core);
  });
});

describe('disconnecting in the middle of a turn', () => {
  /** Starts a turn that is left alone; what becomes of it, and what has been said so far. */
  function turn(core: Core, text: string) {
    const heard = { said: '', ends: [] as string[], statuses: [] as string[] };
    const outcome = core.turns.run(
      text,
      {
        answerStarted: () => {},
        answerText: delta => void (heard.said += delta),
        answerEnded: status => void heard.ends.push(status),
        toolChanged: state => void heard.statuses.push(state.status),
      },
      soon(),
    );
    outcome.catch(() => {});
    return { outcome, heard };
  }

  test('while the model speaks ends it with a reason, and the conversation goes on after the next connect', async () => {
    const core = await w.core();
    await core.connect();
    await w.control('model', { chunkDelay: 150 });
    const { outcome, heard } = turn(core, 'hello');
    await until(() => heard.said !== '');
    core.session.disconnect();
    said(await thrown(outcome), 'tunnel.closed');
    assert.deepEqual(heard.ends, ['failed']);
    said(await thrown(core.say('hello?')), 'agent.notConnected');
    await w.control('model', {});
    await works(core);
  });

  test('while a tool runs fails the call, and leaves its receipt', async () => {
    const slow = await gatewayWithout('tools/call');
    const core = await w.core();
    const restore = await w.replace('agentgateway', slow.address);
    try {
      await core.connect();
      const { outcome, heard } = turn(core, 'Search the docs for agent identity.');
      await slow.held;
      assert.equal(heard.statuses.at(-1), 'running');
      core.session.disconnect();
      said(await thrown(outcome), 'tunnel.closed');
      assert.equal(heard.statuses.at(-1), 'error');
    } finally {
      slow.close();
      await restore();
    }
    const [receipt] = await receipts(core);
    assert.equal(receipt?.decision, 'failed');
    assert.equal(receipt.agent, w.sandbox.json.agents[0]?.appId);
    assert.match(receipt.tokenFingerprint ?? '', /^[0-9a-f]{16}$/);
    await works(core);
  });

  test('while the person is asked sends nothing, whatever the answer', async () => {
    const answer = Promise.withResolvers<ApprovalAnswer>();
    const core = await w.core({ askApproval: () => answer.promise });
    await core.connect();
    const { outcome, heard } = turn(core, 'Search the docs for agent identity.');
    await until(() => heard.statuses.includes('waiting'));
    const { fingerprint } = core.session.connection?.broker.peek('mcp') ?? {};
    assert.ok(fingerprint);
    const before = await settledRequests();
    await core.connect(intern()); // not even under the identity of the next agent
    answer.resolve({ kind: 'session' });
    said(await thrown(outcome), 'tunnel.closed');
    assert.equal(heard.statuses.at(-1), 'error');
    const after = await settledRequests();
    const [receipt] = await receipts(core);
    assert.equal(receipt?.agent, w.sandbox.json.agents[0]?.appId, 'the receipt names who asked, not who came after');
    assert.equal(receipt?.tokenFingerprint, fingerprint);
    assert.ok(after - before <= 4, 'no more than the new agent’s own handshake');
  });
});

test('another agent keeps the sign-in, the person’s own servers and the conversation', async () => {
  const heard: ChatMessage[][] = [];
  const recorder: ChatModel = {
    label: 'recorder',
    async *stream({ messages }) {
      heard.push(messages);
      yield { type: 'text', text: 'noted' };
      yield { type: 'done', finishReason: 'stop' };
    },
  };
  const core = await w.core({ keyModel: async () => recorder });
  await core.connect();
  const url = w.sandbox.json.direct.mcp.find(({ name }) => name === 'toolbox')?.url ?? '';
  const toolbox = await core.servers.addDirect(url, 'Toolbox');
  await core.say('hello from the first agent');

  const connection = await core.session.connect(core.plan(intern()), undefined, soon()); // nobody is asked
  assert.deepEqual(steps(connection), ALL_DONE);
  assert.equal(connection.configuration.agentAppId.value, w.sandbox.json.agents[1]?.appId);
  assert.ok(core.servers.list().includes(toolbox));
  assert.equal(toolbox.state.kind, 'ready');
  await core.say('hello from the second agent');

  core.session.useApiKey();
  await core.say('and what was said before?');
  const questions = heard[0]?.flatMap(message => (message.role === 'user' ? [message.content] : []));
  assert.deepEqual(questions, [
    'hello from the first agent',
    'hello from the second agent',
    'and what was said before?',
  ]);
  core.turns.clear();
  await core.say('new');
  assert.deepEqual(
    heard[1]?.map(message => message.role),
    ['system', 'user'],
  );
});

/** The sandbox's gateway, but for requests with this text in their body: they are never answered. */
async function gatewayWithout(text: string) {
  const held = Promise.withResolvers<void>();
  const proxy = await standIn((request, response) => {
    void (async () => {
      const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
      if (body.includes(text)) return held.resolve();
      const { method, url, headers } = request;
      const onward = http.request(new URL(url ?? '', w.sandbox.json.direct.gateway), { method, headers }, answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      onward.end(body);
    })();
  });
  return { ...proxy, held: held.promise };
}
