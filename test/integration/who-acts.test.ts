// Who acts may change in the middle of things: nothing that one user began or allowed goes on as another.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { ApprovalAnswer } from '../../src/agent/approvals.ts';
import type { InteractiveSignIn } from '../../src/agent/personSignIn.ts';
import { Emitter } from '../../src/base/event.ts';
import type { ChatModel } from '../../src/gateway/llm.ts';
import type { SecretStore } from '../../src/identity/types.ts';
import { fakeMcp } from '../unit/mcp/fakeServer.ts';
import { memorySecrets, receipts } from './support/core.ts';
import { fillLoginPage } from './support/sandbox.ts';
import { ALL_DONE, answers, said, steps, thrown, world, type Core } from './wrong-input.fixture.ts';
import { until } from '../support/until.ts';

const w = world();
const soon = () => AbortSignal.timeout(30_000);
const users = () => w.sandbox.json.users;
const SEARCH = 'microsoft_microsoft_docs_search';
const PROMPT = 'Search the docs for agent identity.';

const as =
  (user: number): InteractiveSignIn =>
  (client, signal) =>
    client.deviceCode({
      signal,
      onPrompt: ({ userCode }) => void fillLoginPage(w.sandbox.json, userCode, { user: users()[user]?.upn ?? '' }),
    });

const tokenUser = (core: Core, api: string) => core.session.connection?.broker.peek(api)?.claims['oid'];

describe('another user who signs in', () => {
  test('ends the turn of the one before, whose yes is worth nothing then', async () => {
    const answer = Promise.withResolvers<ApprovalAnswer>();
    const core = await w.core({ fresh: true, askApproval: () => answer.promise });
    const connection = await core.connect();
    const turn = core.say(PROMPT);
    await until(() => core.approvals.length > 0);
    assert.equal(core.approvals[0]?.user, users()[0]?.oid);
    await connection.forceSignIn(as(1), soon());
    assert.deepEqual(steps(connection), ALL_DONE);
    answer.resolve({ kind: 'session' });
    const { outcome, calls } = await turn;
    assert.equal(outcome, 'stopped');
    assert.deepEqual(
      calls.map(call => call.status),
      ['cancelled'],
    );
    assert.deepEqual(
      (await receipts(core)).map(({ user, decision }) => [user?.oid, decision]),
      [[users()[0]?.oid, 'cancelled']],
    );
    for (const api of ['openai', 'mcp']) assert.equal(tokenUser(core, api), users()[1]?.oid);
    await answers(core);
    assert.equal(core.approvals.at(-1)?.user, users()[1]?.oid, 'the new user is asked');
    assert.equal((await receipts(core)).at(-1)?.user?.oid, users()[1]?.oid);
  });

  test('gets tokens of their own where the one before has signed out in another window', async () => {
    const secrets = memorySecrets();
    const core = await w.core({ secrets });
    const connection = await core.connect();
    const elsewhere = await w.core({ secrets });
    await (await elsewhere.connect()).signOut();
    assert.equal(tokenUser(core, 'mcp'), users()[0]?.oid);
    await connection.start(as(1), soon());
    assert.deepEqual(steps(connection), ALL_DONE);
    assert.equal(connection.account?.oid, users()[1]?.oid);
    for (const api of ['openai', 'mcp']) assert.equal(tokenUser(core, api), users()[1]?.oid);
    await answers(core);
  });
});

test('the same user who signs in anew goes on with the turn', async () => {
  const answer = Promise.withResolvers<ApprovalAnswer>();
  const core = await w.core({ fresh: true, askApproval: () => answer.promise });
  const connection = await core.connect();
  const before = connection.broker.peek('openai')?.fingerprint;
  let outcome = '';
  const turn = core.say(PROMPT).then(result => (outcome = result.outcome));
  await until(() => core.approvals.length > 0);
  await connection.forceSignIn(as(0), soon());
  assert.notEqual(connection.broker.peek('openai')?.fingerprint, before);
  assert.equal(outcome, '');
  answer.resolve({ kind: 'once' });
  await turn;
  assert.equal(outcome, 'done');
});

describe('sign-out', () => {
  test('leaves the gateway’s server saying that it needs a sign-in, and ends what was allowed', async () => {
    const core = await w.core({ fresh: true });
    const connection = await core.connect();
    core.answerWith({ kind: 'session' });
    await answers(core);
    const asked = core.approvals.length;
    await answers(core);
    assert.equal(core.approvals.length, asked);

    await connection.signOut();
    const [server] = core.servers.list();
    assert.ok(server?.state.kind === 'failed');
    said(server.state.error, 'agent.signInNeeded');
    assert.deepEqual(core.servers.catalog(), []);
    assert.equal(connection.account, undefined);
    said(await thrown(core.say('hello')), 'agent.signInNeeded');

    await connection.start(as(0), soon());
    assert.deepEqual(steps(connection), ALL_DONE);
    await answers(core);
    assert.equal(core.approvals.length, asked + 1, 'it is asked again');
  });

  test('ends a turn that waits for the person, and what is still on its way signs nobody in again', async () => {
    const core = await w.core({ fresh: true, askApproval: () => new Promise(() => {}) });
    const connection = await core.connect();
    const turn = core.say(PROMPT);
    turn.catch(() => {});
    await until(() => core.approvals.length > 0);
    const late = [connection.userToken({}), connection.userToken({ forceRefresh: true })].map(work =>
      work.then(
        () => connection.account,
        () => connection.account,
      ),
    );
    await connection.signOut();
    await Promise.all(late);
    assert.equal(connection.account, undefined);
    assert.equal(connection.broker.peek('mcp'), undefined);
  });

  test('in another window is heard of here, and a renewal or another user there is not one', async () => {
    const secrets = memorySecrets();
    const changed = new Emitter<string>();
    const shared: SecretStore = {
      get: async key => secrets.get(key),
      set: async (key, value) => secrets.set(key, value).then(() => changed.fire(key)),
      delete: async key => secrets.delete(key).then(() => changed.fire(key)),
      onDidChange: changed.event,
    };
    const core = await w.core({ secrets: shared });
    const connection = await core.connect();
    const elsewhere = await w.core({ secrets: shared });
    const other = await elsewhere.connect();
    await other.userToken({ forceRefresh: true });
    await other.forceSignIn(as(1), soon());
    await new Promise(resolve => setTimeout(resolve, 200));
    assert.equal(connection.account?.oid, users()[0]?.oid);
    assert.equal(connection.step('signIn').kind, 'done');

    await other.signOut();
    await until(() => connection.account === undefined);
    for (const api of ['openai', 'mcp']) assert.equal(connection.broker.peek(api), undefined);
    const [server] = core.servers.list();
    assert.ok(server?.state.kind === 'failed');
    said(server.state.error, 'agent.signInNeeded');
    core.session.disconnect();
    changed.fire('anything');
  });

  test('is done here even when the store can not forget', async () => {
    const secrets = memorySecrets();
    const core = await w.core({ secrets: { ...secrets, delete: () => Promise.reject(new Error('locked')) } });
    const connection = await core.connect();
    said(await thrown(connection.signOut()), 'signIn.secretStorage');
    assert.equal(connection.account, undefined);
    assert.equal(connection.broker.peek('openai'), undefined);
  });
});

test('a sign-in that failed leaves no server of the gateway behind that looks ready', async () => {
  const core = await w.core({ fresh: true });
  const connection = await core.connect();
  await w.control('entra', { consentMissing: ['research-agent/mcp'] });
  await connection.forceSignIn(as(0), soon());
  const [server] = core.servers.list();
  assert.ok(server?.state.kind === 'failed');
  said(server.state.error, 'sidecar.consentMissing');
});

describe('a connection that ends', () => {
  test('takes its question for a code back', async () => {
    const core = await w.core({ fresh: true });
    const connection = await core.connect();
    const asked = Promise.withResolvers<AbortSignal>();
    const idle: InteractiveSignIn = (client, signal) => {
      return client.deviceCode({ signal, onPrompt: () => asked.resolve(signal) });
    };
    const work = thrown(connection.forceSignIn(idle, soon()));
    const signal = await asked.promise;
    core.session.disconnect();
    assert.ok(signal.aborted);
    const error = await work;
    assert.ok(error instanceof Error && error.name === 'AbortError', String(error));
  });

  test('asks again for what was allowed before', async () => {
    const core = await w.core();
    await core.connect();
    core.answerWith({ kind: 'session' });
    await answers(core);
    const asked = core.approvals.length;
    await core.connect();
    await answers(core);
    assert.equal(core.approvals.length, asked + 1);
  });
});

test('a turn that began with an API key gets no tool of the gateway when a connection comes meanwhile', async () => {
  const connected = Promise.withResolvers<void>();
  const offered: string[][] = [];
  const model: ChatModel = {
    label: 'scripted',
    async *stream({ tools }) {
      offered.push(tools.map(tool => tool.name));
      await connected.promise;
      if (offered.length === 1) yield { type: 'toolCall', id: '1', name: SEARCH, arguments: '{"query":"x"}' };
      yield { type: 'done', finishReason: 'stop' };
    },
  };
  const core = await w.core({ keyModel: async () => model });
  core.session.useApiKey();
  const turn = core.say('go');
  await until(() => offered.length > 0);
  await core.connect();
  assert.ok(core.servers.catalog().some(({ modelName }) => modelName === SEARCH));
  connected.resolve();
  const { calls } = await turn;
  said(calls[0]?.error, 'agent.noSuchTool');
  assert.deepEqual(core.approvals, []);
  assert.deepEqual(offered, [[], []]);
});

test('two starts of one connection: the later one counts', async () => {
  const core = await w.core({ fresh: true });
  const connection = await core.connect();
  await connection.signOut();
  const first = thrown(connection.start((client, signal) => client.deviceCode({ signal, onPrompt: () => {} }), soon()));
  await until(() => connection.step('signIn').kind === 'running');
  await connection.start(as(0), soon());
  const error = await first;
  assert.ok(error instanceof Error && error.name === 'AbortError', String(error));
  assert.deepEqual(steps(connection), ALL_DONE);
});

test('a window that closes stops its calls, and their receipts are written', async () => {
  const held = Promise.withResolvers<void>();
  const slow = await fakeMcp({ 'tools/call': () => held.resolve() });
  const model: ChatModel = {
    label: 'scripted',
    async *stream() {
      yield { type: 'toolCall', id: '1', name: 'slow__echo', arguments: '{}' };
      yield { type: 'done', finishReason: 'tool_calls' };
    },
  };
  const core = await w.core({ keyModel: async () => model });
  try {
    core.session.useApiKey();
    await core.servers.addDirect(`${slow.url}?api_key=s3cret-key#top`, 'Slow');
    const turn = core.say('go');
    await held.promise;
    await core.turns.close();
    assert.equal((await turn).outcome, 'stopped');
    const [receipt, ...more] = await receipts(core);
    assert.deepEqual(more, []);
    assert.equal(receipt?.decision, 'cancelled');
    assert.equal(receipt.server?.url, slow.url);
    assert.doesNotMatch(await readFile(core.receipts.file, 'utf8'), /s3cret/);
    await assert.rejects(core.say('again'), { name: 'AbortError' });
  } finally {
    await core.servers.remove('direct:slow');
    await slow.close();
  }
});
