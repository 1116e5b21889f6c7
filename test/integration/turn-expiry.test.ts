// Tokens that end in the middle of a turn, seen from the gateway: which one came with each request, and how often.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { startGateway } from '../../src/sandbox/gateway/gateway.ts';
import { watchGateway, type GatewayWatch, type Passed } from './support/gatewayWatch.ts';
import { ALL_DONE, said, steps, thrown, world, type Core } from './wrong-input.fixture.ts';
import { receipts } from './support/core.ts';

const w = world();
const SEARCH = 'Search the docs for workload identity federation.';
const TWO_STEPS = 'Search the docs for workload identity federation, then search the web for agent identity.';
/** Longer than any token of the sandbox lives, in seconds. */
const LONG_S = 3 * 3600;

/** The time of the core and of the sandbox: nobody waits for a token to end. */
let ahead = 0;
const clock = { now: () => Date.now() + ahead };
async function later(seconds: number): Promise<void> {
  ahead += seconds * 1000;
  await w.control('clock', { offsetSeconds: ahead / 1000 });
}
beforeEach(() => void (ahead = 0));

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

/** A connected core, with a look at what comes to the gateway; `answered` may wait before an answer is passed on. */
async function start(
  answered: (request: Passed) => Promise<unknown> | undefined = () => undefined,
  gateway = w.sandbox.json.direct.gateway,
): Promise<{ core: Core; watch: GatewayWatch; before: { llm: string; mcp: string } }> {
  const watch = await watchGateway(gateway, request => answered(request));
  cleanUp.push(() => watch.close(), await w.replace('agentgateway', watch.address));
  const core = await w.core({ clock });
  assert.deepEqual(steps(await core.connect()), ALL_DONE);
  watch.passed.length = 0;
  return { core, watch, before: held(core) };
}

function held(core: Core): { llm: string; mcp: string } {
  const { broker } = core.session.connection!;
  return { llm: broker.peek('openai')?.fingerprint ?? '', mcp: broker.peek('mcp')?.fingerprint ?? '' };
}
/** Replaces the agent's tokens by some that live ten minutes; the user's stays. */
async function shortTokens(core: Core): Promise<{ llm: string; mcp: string }> {
  await w.control('entra', { tokenLifetime: 600 });
  for (const api of ['openai', 'mcp']) await core.session.connection!.broker.get(api, { forceRefresh: true });
  return held(core);
}
const asked = ({ passed }: GatewayWatch) => passed.filter(({ path }) => path.startsWith('/llm'));
const called = ({ passed }: GatewayWatch) => passed.filter(({ rpc }) => rpc === 'tools/call');
const tokens = (requests: Passed[]) => requests.map(({ token }) => token);
test('the agent’s tokens end between two steps of one turn: the next step has new ones', async () => {
  const { core, watch } = await start();
  const before = await shortTokens(core);
  const user = core.session.connection?.lastUserToken?.raw;
  const append = core.receipts.append.bind(core.receipts);
  let written = 0;
  core.receipts.append = async receipt => {
    await append(receipt);
    if (written++ === 0) await later(15 * 60); // the call has ended, and the model was not asked again yet
  };
  const { calls, outcome } = await core.say(TWO_STEPS);
  assert.equal(outcome, 'done');
  assert.deepEqual(
    calls.map(({ status }) => status),
    ['done', 'done'],
  );
  const after = held(core);
  assert.notEqual(after.llm, before.llm);
  assert.notEqual(after.mcp, before.mcp);
  assert.deepEqual(tokens(asked(watch)), [before.llm, after.llm, after.llm]);
  assert.deepEqual(tokens(called(watch)), [before.mcp, after.mcp]);
  assert.deepEqual(
    (await receipts(core)).map(({ tokenFingerprint, decision }) => [tokenFingerprint, decision]),
    [
      [before.mcp, 'ok'],
      [after.mcp, 'ok'],
    ],
  );
  assert.equal(core.session.connection?.lastUserToken?.raw, user, 'the user’s token had not ended');
  const log = core.log.join('\n');
  for (const token of [after.llm, after.mcp]) assert.ok(log.includes(token), 'the log names the new token');
});

test('every token ends while a tool runs: its result counts, and what follows has new ones', async () => {
  let ran = 0;
  const { core, watch, before } = await start(({ rpc }) =>
    rpc === 'tools/call' && ran++ === 0 ? later(LONG_S) : undefined,
  );
  const user = core.session.connection?.lastUserToken?.raw;
  const { calls, outcome } = await core.say(TWO_STEPS);
  assert.equal(outcome, 'done');
  assert.deepEqual(
    calls.map(({ status }) => status),
    ['done', 'done'],
  );
  const after = held(core);
  assert.notEqual(after.llm, before.llm);
  assert.deepEqual(tokens(asked(watch)), [before.llm, after.llm, after.llm]);
  assert.deepEqual(tokens(called(watch)), [before.mcp, after.mcp], 'the call that ran was not made again');
  assert.ok(watch.passed.every(({ status }) => status < 400));
  assert.deepEqual(
    (await receipts(core)).map(({ tokenFingerprint }) => tokenFingerprint),
    [before.mcp, after.mcp],
    'each names the token that it was made with',
  );
  assert.notEqual(core.session.connection?.lastUserToken?.raw, user);
  assert.deepEqual(core.questions, [], 'nobody had to sign in');
});

test('a turn that needs more life than the model’s token has left gets another first', async () => {
  const { core, watch } = await start();
  const before = await shortTokens(core);
  await core.say(SEARCH);
  assert.deepEqual(tokens(asked(watch)), [before.llm, before.llm], 'ten minutes are enough');
  await later(600 - 90); // more than a tenth of its life, and less than a turn may take
  assert.deepEqual(held(core), before, 'neither has ended');
  watch.passed.length = 0;
  const { outcome } = await core.say(SEARCH);
  assert.equal(outcome, 'done');
  const after = held(core);
  assert.notEqual(after.llm, before.llm);
  assert.deepEqual(tokens(asked(watch)), [after.llm, after.llm]);
  assert.deepEqual(tokens(called(watch)), [before.mcp], 'for a call, what is left is enough');
});

describe('a gateway whose clock is ahead', () => {
  test('is asked exactly once more with a fresh token, by model and tool; then the error has its name', async () => {
    let skew = 0;
    const file = w.sandbox.json.gatewayConfigFile;
    const gateway = await startGateway({ file, port: 0, clock: { now: () => Date.now() + skew } });
    cleanUp.push(() => gateway.close());
    const { core, watch, before } = await start(async ({ path }) => {
      if (path.startsWith('/llm')) skew = LONG_S * 1000; // from the first answer on
    }, gateway.origin);
    const error = await thrown(core.say(SEARCH));
    said(error, 'gateway.tokenExpired');
    assert.deepEqual(
      asked(watch).map(({ status }) => status),
      [200, 401, 401],
    );
    assert.deepEqual(
      called(watch).map(({ status }) => status),
      [401, 401],
    );
    const after = held(core);
    assert.deepEqual(tokens(asked(watch)), [before.llm, before.llm, after.llm]);
    assert.deepEqual(tokens(called(watch)), [before.mcp, after.mcp]);
    assert.equal(new Set([before.llm, before.mcp, after.llm, after.mcp]).size, 4, 'both were asked for anew');
    const [failed] = await receipts(core);
    assert.deepEqual([failed?.decision, failed?.errorCode], ['failed', 'gateway.tokenExpired']);
    assert.equal(failed?.tokenFingerprint, after.mcp);
    assert.deepEqual(core.questions, [], 'no sign-in mends a clock');
  });
});
