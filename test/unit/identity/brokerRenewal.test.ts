import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { TokenBroker } from '../../../src/identity/broker.ts';
import { AGENT, TENANT, USER, fixture, jwt, recordingLogger, settle } from './support.ts';

const MINUTE = 60_000;
const START = 1772372000_000;

describe('the token broker, in the background', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'], now: START }));
  afterEach(() => mock.timers.reset());

  /** A broker whose tokens live for `life` ms from when they are made. */
  function setup(options: { life?: number; answer?: (count: number) => void } = {}) {
    const { life = 70 * MINUTE, answer = () => {} } = options;
    const calls: { api: string; force: boolean; at: number }[] = [];
    const logger = recordingLogger();
    const broker = new TokenBroker({
      sidecar: {
        token: async (api, { forceRefresh: force = false }) => {
          calls.push({ api, force, at: Date.now() - START });
          answer(calls.length);
          return jwt({ ...fixture('t2-openai-v1'), exp: (Date.now() + life) / 1000, uti: String(calls.length) });
        },
      },
      agentAppId: AGENT,
      tenantId: TENANT,
      userToken: async () => ({
        raw: 'tc',
        expiresAt: Date.now() + life,
        account: { id: 'a', username: 'robin@contoso.example', oid: USER, tid: TENANT },
      }),
      audiences: { openai: ['https://cognitiveservices.azure.com'], other: ['https://cognitiveservices.azure.com'] },
      logger,
    });
    const pass = async (milliseconds: number) => {
      mock.timers.tick(milliseconds);
      await settle();
    };
    return { broker, calls, logger, pass };
  }

  it('replaces a token that is in use five minutes ahead of its end, before anybody asks', async () => {
    const { broker, calls, pass } = setup();
    const first = await broker.get('openai');
    await pass(40 * MINUTE);
    assert.equal((await broker.get('openai')).raw, first.raw);
    await pass(24 * MINUTE);
    assert.equal(calls.length, 1);
    await pass(2 * MINUTE);
    assert.deepEqual(
      calls.map(({ force, at }) => [force, at]),
      [
        [false, 0],
        [true, 66 * MINUTE],
      ],
    );
    assert.notEqual(broker.peek('openai')?.raw, first.raw);
  });

  it('asks for nothing once nobody has used it for half an hour, all night', async () => {
    const { broker, calls, pass } = setup();
    await broker.get('openai');
    for (let hour = 0; hour < 10; hour++) await pass(60 * MINUTE);
    assert.equal(calls.length, 1);
    assert.equal(broker.peek('openai'), undefined);
    assert.ok(await broker.get('openai'));
    assert.equal(calls.length, 2);
  });

  it('renews short tokens no longer than they are used', async () => {
    const { broker, calls, pass } = setup({ life: 20_000 });
    await broker.get('openai');
    for (let second = 0; second < 120; second++) await pass(1_000);
    assert.equal(calls.length, 2, 'once more, and then nobody had asked for that one');
  });

  it('has one timer for each token it holds, and none after a clear', async () => {
    const { broker, calls, pass } = setup();
    await Promise.all([broker.get('openai'), broker.get('other'), broker.get('openai')]);
    await broker.get('openai', { forceRefresh: true });
    await broker.get('openai', { forceRefresh: true });
    assert.equal(calls.length, 4);
    await pass(40 * MINUTE);
    await Promise.all([broker.get('openai'), broker.get('other')]);
    await pass(26 * MINUTE);
    assert.deepEqual(
      calls
        .slice(4)
        .map(({ api }) => api)
        .sort(),
      ['openai', 'other'],
    );
    await broker.get('openai');
    broker.clear();
    await pass(300 * MINUTE);
    assert.equal(calls.length, 6);
  });

  it('shares its exchange with whoever asks meanwhile', async () => {
    const { broker, calls, pass } = setup();
    await broker.get('openai');
    await pass(64 * MINUTE);
    await broker.get('openai');
    mock.timers.tick(2 * MINUTE); // the timer fires
    await Promise.all([broker.get('openai'), broker.get('openai')]);
    await settle();
    assert.equal(calls.length, 2);
  });

  it('takes a failure quietly: the token at hand is good until its end, then the next to ask hears why', async () => {
    const { broker, calls, logger, pass } = setup({
      answer: count => {
        if (count > 1) throw new AgentIdError('sidecar.consentMissing', { api: 'openai' });
      },
    });
    await broker.get('openai');
    await pass(50 * MINUTE);
    await broker.get('openai');
    await pass(16 * MINUTE);
    assert.equal(calls.length, 2);
    assert.match(logger.lines.at(-1) ?? '', /not renewed in the background.*consentMissing/);
    await pass(2 * MINUTE);
    assert.equal(calls.length, 2, 'no second try by itself');
    await assert.rejects(broker.get('openai'), { code: 'sidecar.consentMissing' });
  });

  it('uses nothing that ended while the machine slept, and wakes to no storm', async () => {
    const { broker, calls } = setup();
    const before = await broker.get('openai');
    mock.timers.setTime(START + 9 * 60 * MINUTE); // no timer runs in a machine that sleeps
    assert.equal(broker.peek('openai'), undefined);
    const [after] = await Promise.all([broker.get('openai'), broker.get('openai')]);
    await settle();
    assert.notEqual(after.raw, before.raw);
    assert.ok(after.expiresAt > Date.now());
    assert.equal(calls.length, 2);
  });

  it('trusts no time that is left when the clock was set back', async () => {
    const { broker, calls } = setup();
    await broker.get('openai');
    mock.timers.reset();
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: START - 120 * MINUTE });
    assert.equal(broker.peek('openai'), undefined);
    await broker.get('openai');
    assert.equal(calls.length, 2);
  });
});
