import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTokenFailure, Recovery } from '../../../src/agent/recovery.ts';
import { AgentIdError } from '../../../src/base/errors.ts';

const never = new AbortController().signal;
const mfa = (aadsts = 50076) => new AgentIdError('sidecar.interactionRequired', { api: 'mcp', aadsts });
/** A question that counts how often it was shown and taken away. */
function question() {
  const counts = { shown: 0, gone: 0 };
  const show = () => {
    counts.shown++;
    return { dispose: () => void counts.gone++ };
  };
  return { counts, show };
}

test('a refusal is told as it is until a sign-in was made for it; then it did not help', () => {
  const recovery = new Recovery();
  assert.equal((recovery.judge('mcp', mfa()) as AgentIdError).code, 'sidecar.interactionRequired');
  recovery.signedIn();
  const again = recovery.judge('mcp', mfa());
  assert.ok(AgentIdError.is(again, 'agent.signInDidNotHelp'));
  assert.deepEqual(again.args, { api: 'mcp', aadsts: 50076, code: 'sidecar.interactionRequired' });
  for (const [api, error] of [
    ['mcp', mfa(50079)],
    ['openai', mfa()],
  ] as const)
    assert.equal(recovery.judge(api, error), error, 'another refusal, or another token, is another matter');
});

test('an exchange that began before a sign-in and fails after it does not count against that sign-in', async () => {
  const recovery = new Recovery();
  recovery.judge('mcp', mfa());
  const begun = Promise.withResolvers<string>();
  const answers = [() => begun.promise, () => Promise.resolve('token')];
  const got = recovery.release('mcp', () => answers.shift()!());
  recovery.signedIn();
  begun.reject(mfa());
  assert.equal(await got, 'token');
  recovery.judge('mcp', mfa());
  recovery.signedIn();
  await assert.rejects(
    recovery.release('mcp', () => Promise.reject(mfa())),
    { code: 'agent.signInDidNotHelp' },
  );
});

test('a token that is there ends what stood in its way, and no other', () => {
  const recovery = new Recovery();
  for (const api of ['mcp', 'openai']) recovery.judge(api, mfa());
  recovery.signedIn();
  recovery.released('mcp');
  assert.ok(AgentIdError.is(recovery.judge('mcp', mfa()), 'sidecar.interactionRequired'));
  assert.ok(AgentIdError.is(recovery.judge('openai', mfa()), 'agent.signInDidNotHelp'));
});

test('what no sign-in mends is passed on untouched, however often', () => {
  const recovery = new Recovery();
  const consent = new AgentIdError('sidecar.consentMissing', { api: 'mcp' });
  recovery.judge('mcp', consent);
  recovery.signedIn();
  assert.equal(recovery.judge('mcp', consent), consent);
});

test('the claims challenge of a refusal is kept for one sign-in', () => {
  const recovery = new Recovery();
  recovery.judge('mcp', new AgentIdError('signIn.interactionRequired', { claims: '{"a":1}' }));
  assert.equal(recovery.claims, '{"a":1}');
  recovery.signedIn();
  assert.equal(recovery.claims, undefined);
});

test('all who wait share one question, and go on together', async () => {
  const recovery = new Recovery();
  const { counts, show } = question();
  const waiting = [recovery.wait(mfa(), show, never), recovery.wait(mfa(), show, never)];
  assert.deepEqual(counts, { shown: 1, gone: 0 });
  recovery.question?.settle();
  await Promise.all(waiting);
  assert.deepEqual(counts, { shown: 1, gone: 1 });
  assert.equal(recovery.question, undefined);
});

test('a cancelled sign-in leaves why it was asked for; another failure is told itself', async () => {
  const recovery = new Recovery();
  const reason = mfa();
  const cancelled = recovery.wait(reason, question().show, never);
  recovery.question?.settle(new AgentIdError('cancelled'));
  await assert.rejects(cancelled, error => error === reason);
  const declined = recovery.wait(reason, question().show, never);
  recovery.question?.settle(new AgentIdError('signIn.declined'));
  await assert.rejects(declined, { code: 'signIn.declined' });
});

test('the question is taken away when the last who waits has left, and a new one may come at once', async () => {
  const recovery = new Recovery();
  const { counts, show } = question();
  const stops = [new AbortController(), new AbortController()];
  const waits = stops.map(stop => assert.rejects(recovery.wait(mfa(), show, stop.signal), { name: 'AbortError' }));
  stops[0]?.abort();
  await waits[0];
  assert.deepEqual(counts, { shown: 1, gone: 0 });
  stops[1]?.abort();
  await waits[1];
  const next = recovery.wait(mfa(), show, never);
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(counts, { shown: 2, gone: 1 });
  recovery.question?.settle();
  await next;
});

test('a failure of the token is one that came before anything was sent', () => {
  for (const code of [
    'sidecar.consentMissing',
    'signIn.sessionEnded',
    'agentToken.wrongAgent',
    'agent.signInDidNotHelp',
  ])
    assert.ok(isTokenFailure(new AgentIdError(code)), code);
  for (const code of ['mcp.interrupted', 'gateway.tokenExpired', 'tunnel.closed', 'agent.stepLimit'])
    assert.ok(!isTokenFailure(new AgentIdError(code)), code);
});
