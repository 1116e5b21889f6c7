// What only the person can mend, in the middle of a turn: it asks in place, and goes on where it was.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConnectionPlan } from '../../src/agent/configuration.ts';
import type { InteractiveSignIn, SignInRequest } from '../../src/agent/personSignIn.ts';
import { AgentIdError, isCancellation } from '../../src/base/errors.ts';
import { Emitter } from '../../src/base/event.ts';
import type { SecretStore } from '../../src/identity/types.ts';
import { SignInCommands } from '../../src/views/signInCommands.ts';
import { memorySecrets, receipts } from './support/core.ts';
import { fillLoginPage } from './support/sandbox.ts';
import { ALL_DONE, said, steps, thrown, world, type Core } from './wrong-input.fixture.ts';

const w = world();
const never = new AbortController().signal;
const SEARCH = 'Search the docs for workload identity federation.';
const BOTH = 'Search the docs for the on-behalf-of flow and the web for agent identity.';
/** Expired within seconds, so that a turn meets what changed. */
const SHORT_S = 3;
const sleep = (seconds: number) => new Promise(resolve => setTimeout(resolve, seconds * 1000));

/** The person at the sign-in: as whom, and whether they go through with it. */
class Person {
  readonly requests: SignInRequest[] = [];
  user = 0;
  action: 'consent' | 'cancel' = 'consent';
  core: Core | undefined;
  /** What the row's button does. */
  press: () => void = () => void this.core?.session.connection?.start(this.signIn, never).catch(() => {});

  readonly signIn: InteractiveSignIn = (client, signal, request = {}) => {
    this.requests.push(request);
    const { claims } = request;
    const user = w.sandbox.json.users[this.user]?.upn ?? '';
    return client.deviceCode({
      signal,
      ...(claims && { claims }),
      onPrompt: ({ userCode }) => void fillLoginPage(w.sandbox.json, userCode, { user, action: this.action }),
    });
  };
}

/** A connected core with a person at it; each call of a tool waits for `meanwhile`. */
async function start(meanwhile: () => Promise<unknown> = async () => {}, options: { secrets?: SecretStore } = {}) {
  const person = new Person();
  const core = await w.core({
    fresh: true,
    ...options,
    askSignIn: () => person.press(),
    askApproval: async () => {
      await meanwhile();
      return { kind: 'once' };
    },
  });
  person.core = core;
  const connection = await core.connect();
  assert.deepEqual(steps(connection), ALL_DONE);
  return { core, person, connection };
}
/** How many requests to call a tool the gateway has answered with success. */
const calledTools = async () => {
  const panel = (await w.control('mcp')) as Record<string, { requests: number }>;
  return Object.values(panel).reduce((sum, { requests }) => sum + requests, 0);
};
const exchanges = async () => {
  const requests = (await w.control('requests')) as { part: string; path: string; status: number }[];
  return requests.filter(({ part, path }) => part === 'sidecar' && path.includes('AuthorizationHeader')).length;
};

describe('a session that is revoked in the middle of a turn', () => {
  test('is asked for in place, once for parallel calls, and the turn goes on without repeating a call', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    let revoked = 0;
    const { core, person, connection } = await start(async () => {
      if (revoked++ > 0) return;
      await w.control('entra', { revokeRefreshTokens: true });
      await sleep(SHORT_S);
    });
    const { said: text, calls, outcome } = await core.say(BOTH);
    assert.equal(outcome, 'done');
    assert.notEqual(text, '');
    assert.deepEqual(core.questions, ['signIn.sessionEnded']);
    assert.equal(core.open.size, 0, 'the row is gone');
    assert.equal(person.requests.length, 1);
    assert.equal(person.requests[0]?.account?.oid, w.sandbox.json.users[0]?.oid);
    assert.equal(person.requests[0]?.anew, true, 'an account that the editor holds does not do');
    assert.deepEqual(
      calls.map(({ status }) => status),
      ['done', 'done'],
    );
    const left = await receipts(core);
    assert.deepEqual(
      left.map(({ decision }) => decision),
      ['ok', 'ok'],
    );
    assert.ok(left.every(({ tokenExpiresAt = '', time }) => Date.parse(tokenExpiresAt) > Date.parse(time) - 1_000));
    assert.deepEqual(steps(connection), ALL_DONE);
  });

  test('is mended by a sign-in in another window: nobody has to sign in here as well', async () => {
    const values = memorySecrets();
    const changed = new Emitter<string>();
    const secrets: SecretStore = {
      get: key => values.get(key),
      set: async (key, value) => values.set(key, value).then(() => changed.fire(key)),
      delete: async key => values.delete(key).then(() => changed.fire(key)),
      onDidChange: changed.event,
    };
    await w.control('entra', { tokenLifetime: SHORT_S });
    const { core, person, connection } = await start(async () => {}, { secrets });
    const elsewhere = await start(async () => {}, { secrets });
    await w.control('entra', { revokeRefreshTokens: true });
    await sleep(SHORT_S);
    await w.control('entra', { tokenLifetime: null });
    person.press = () => void elsewhere.connection.forceSignIn(elsewhere.person.signIn, never);
    const { outcome, calls } = await core.say(SEARCH);
    assert.equal(outcome, 'done');
    assert.deepEqual(
      calls.map(({ status }) => status),
      ['done'],
    );
    assert.deepEqual([core.questions, person.requests], [['signIn.sessionEnded'], []]);
    assert.equal(elsewhere.person.requests.length, 1);
    assert.equal(core.open.size, 0, 'the row is gone');
    assert.deepEqual(steps(connection), ALL_DONE);
  });

  test('before the model is asked: the turn waits, and begins', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    const { core, person } = await start();
    await w.control('entra', { revokeRefreshTokens: true });
    await sleep(SHORT_S);
    await w.control('entra', { tokenLifetime: null });
    const { outcome, calls } = await core.say(SEARCH);
    assert.equal(outcome, 'done');
    assert.deepEqual(
      calls.map(({ status }) => status),
      ['done'],
    );
    assert.deepEqual([core.questions.length, person.requests.length], [1, 1]);
  });

  test('ends the turn with its sentence when the person cancels, and a retry takes it up', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    const { core, person, connection } = await start(async () => {
      await w.control('entra', { revokeRefreshTokens: true });
      await sleep(SHORT_S);
    });
    person.press = () => void connection.start(() => Promise.reject(new AgentIdError('cancelled')), never);
    const error = await thrown(core.say(SEARCH));
    said(error, 'signIn.sessionEnded');
    const [failed] = await receipts(core);
    assert.deepEqual([failed?.decision, failed?.errorCode], ['failed', 'signIn.sessionEnded']);
    person.press = () => void connection.start(person.signIn, never);
    await w.control('entra', { tokenLifetime: null });
    const { outcome, calls } = await core.retry();
    assert.equal(outcome, 'done');
    assert.deepEqual(
      calls.map(({ callId, status }) => [callId, status]),
      [[failed?.callId, 'done']],
      'the call that had no token, and no other',
    );
  });

  test('ends the turn when the sign-in is declined on the page', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    const { core, person } = await start();
    await w.control('entra', { revokeRefreshTokens: true });
    await sleep(SHORT_S);
    person.action = 'cancel';
    said(await thrown(core.say(SEARCH)), 'signIn.declined');
    assert.equal(core.open.size, 0);
  });

  test('stops without an error when the person stops, and when somebody else signs in', async () => {
    for (const end of ['stop', 'another'] as const) {
      await w.control('entra', { tokenLifetime: SHORT_S });
      const { core, person } = await start();
      await w.control('entra', { revokeRefreshTokens: true });
      await sleep(SHORT_S);
      await w.control('entra', { tokenLifetime: null });
      const stop = new AbortController();
      if (end === 'stop') person.press = () => stop.abort();
      else person.user = 1;
      const { outcome, calls } = await core.say(SEARCH, stop.signal);
      assert.deepEqual([outcome, calls], ['stopped', []], end);
      assert.equal(core.open.size, 0);
    }
  });
});

test('nobody signed in: the turn asks, and goes on with the tools that came with the sign-in', async () => {
  const { core, person, connection } = await start();
  await connection.signOut();
  const { outcome, calls } = await core.say(SEARCH);
  assert.equal(outcome, 'done');
  assert.deepEqual(
    calls.map(({ status }) => status),
    ['done'],
  );
  assert.deepEqual([core.questions, person.requests.length], [['agent.signInNeeded'], 1]);
});

describe('multi-factor authentication that is demanded in the middle', () => {
  const demand = (kind: 'mfa' | 'mfaWithClaims') =>
    w.control('entra', { conditionalAccess: { kind, resources: ['mcp'] } });

  test('is mended by one sign-in, and the exchange passes every cache', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    const { core, person } = await start(async () => {
      await demand('mfa');
      await sleep(SHORT_S);
    });
    const { outcome, calls } = await core.say(SEARCH);
    assert.equal(outcome, 'done');
    assert.equal(calls[0]?.status, 'done');
    assert.deepEqual([core.questions, person.requests.length], [['sidecar.interactionRequired'], 1]);
  });

  test('that no sign-in mends stops after exactly one, names the admin’s fix, and asks no more until it is mended', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    const { core, person, connection } = await start(async () => {
      await demand('mfaWithClaims');
      await sleep(SHORT_S);
    });
    const error = await thrown(core.say(SEARCH));
    const { nextStep = '', who, fix = '' } = said(error, 'agent.signInDidNotHelp');
    assert.match(nextStep, /Entra admin/);
    assert.equal(who, 'entraAdmin');
    for (const part of [
      'Error: AADSTS50076',
      'Correlation id: ',
      'Entra said: ',
      'target resources',
      'Conditional Access',
    ])
      assert.ok(fix.includes(part), `${part} in\n${fix}`);
    assert.ok(AgentIdError.is(error) && error.args['aadsts'] === 50076);
    assert.deepEqual([core.questions.length, person.requests.length], [1, 1]);
    assert.equal(steps(connection)['mcpToken'], 'agent.signInDidNotHelp');

    said(await thrown(core.retry()), 'agent.signInDidNotHelp');
    assert.equal(person.requests.length, 1);
    await w.control('entra', { conditionalAccess: { kind: 'none' }, tokenLifetime: null });
    await connection.start(undefined, never);
    assert.deepEqual(steps(connection), ALL_DONE);
    const { outcome, calls } = await core.retry();
    assert.deepEqual([outcome, calls[0]?.status], ['done', 'done']);
  });

  test('with a claims challenge of Entra’s own is met with those claims', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    const { core, person } = await start(async () => {
      await demand('mfaWithClaims');
      await w.control('entra', { refreshFault: { code: 50076, times: 99 } });
      await sleep(SHORT_S);
      await w.control('entra', { tokenLifetime: null });
    });
    const { outcome, calls } = await core.say(SEARCH);
    assert.deepEqual([outcome, calls[0]?.status], ['done', 'done']);
    assert.deepEqual(core.questions, ['signIn.interactionRequired']);
    assert.match(person.requests[0]?.claims ?? '', /capolids/);
  });
});

describe('what only an administrator can mend', () => {
  test('stops the turn with the fix; once it is given, a retry finishes it without repeating a call', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    let asked = 0;
    const { core, person } = await start(async () => {
      if (asked++ > 0) return;
      await w.control('entra', { consentMissing: ['research-agent/openai'] });
      await sleep(SHORT_S);
    });
    const before = await calledTools();
    // The tool has its token and is called; the model that should answer from it gets none.
    const error = await thrown(core.say(SEARCH));
    said(error, 'sidecar.consentMissing');
    assert.equal(person.requests.length, 0);
    const called = (await calledTools()) - before;
    assert.ok(called > 0);
    await w.control('entra', { consentMissing: [], tokenLifetime: null });
    const { outcome, calls, said: text } = await core.retry();
    assert.equal(outcome, 'done');
    assert.notEqual(text, '');
    assert.deepEqual(calls, [], 'the call was made before');
    assert.equal((await calledTools()) - before, called);
  });

  test('consent that is revoked for the tools, then granted', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    let asked = 0;
    const { core, person } = await start(async () => {
      if (asked++ > 0) return;
      await w.control('entra', { consentMissing: ['research-agent/mcp'] });
      await sleep(SHORT_S);
    });
    const error = await thrown(core.say(SEARCH));
    said(error, 'sidecar.consentMissing');
    await w.control('entra', { consentMissing: [], tokenLifetime: null });
    const { outcome, calls } = await core.retry();
    assert.deepEqual([outcome, calls.map(({ status }) => status)], ['done', ['done']]);
    assert.deepEqual(
      (await receipts(core)).map(({ decision }) => decision),
      ['failed', 'ok'],
    );
    assert.deepEqual([core.questions, person.requests], [[], []]);
  });

  test('a block by policy asks nobody to sign in', async () => {
    await w.control('entra', { tokenLifetime: SHORT_S });
    const { core, person } = await start();
    await w.control('entra', { conditionalAccess: { kind: 'block', resources: ['openai'] } });
    await sleep(SHORT_S);
    said(await thrown(core.say(SEARCH)), 'sidecar.blockedByPolicy');
    assert.deepEqual(person.requests, []);
  });
});

describe('the steps of a connection', () => {
  test('recover with a sign-in, without a new connection', async () => {
    const { core, person, connection } = await start();
    await w.control('entra', { conditionalAccess: { kind: 'mfa' } });
    connection.broker.clear();
    await w.control('sidecar', {});
    await connection.forceSignIn((client, signal) => client.silent({ signal, forceRefresh: true }) as never, never);
    assert.equal(steps(connection)['llmToken'], 'sidecar.interactionRequired');
    const [server] = core.servers.list();
    assert.ok(server?.state.kind === 'failed');
    await connection.forceSignIn(person.signIn, never);
    assert.deepEqual(person.requests, [{ anew: true }], 'nobody is suggested: it may be somebody else who signs in');
    assert.deepEqual(steps(connection), ALL_DONE);
    assert.ok((await exchanges()) > 0);
    assert.equal((await core.say(SEARCH)).outcome, 'done');
  });

  test('go on with another way to sign in, which takes the place of a code that is shown', async () => {
    const core = await w.core({ fresh: true });
    const { session, interaction } = core;
    const commands: SignInCommands = new SignInCommands({
      session,
      usual: interaction.signIn,
      connect: (plan, signIn) => connect(plan, signIn),
      begin: () => assert.fail('there is a connection'),
      use: () => assert.fail('it connects still'),
    });
    const connect = (plan: ConnectionPlan, signIn: InteractiveSignIn) =>
      commands.follow(signIn, async asked => {
        await session.connect(plan, asked && { signIn: asked, trust: async () => true }, never);
      });
    const shown = Promise.withResolvers<void>();
    const ignored = thrown(
      connect(core.plan(), (client, signal) => client.deviceCode({ signal, onPrompt: () => shown.resolve() })),
    );
    await shown.promise;
    await commands.anew(interaction.signIn);
    assert.ok(isCancellation(await ignored), 'the first is over, and nothing is said of it');
    assert.ok(session.connection);
    assert.deepEqual(steps(session.connection), ALL_DONE);
    assert.equal(session.mode, 'sandbox');
  });
});
