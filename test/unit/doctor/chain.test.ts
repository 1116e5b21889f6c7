import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import { Chain, PATIENCE, type Patience } from '../../../src/doctor/chain.ts';
import type { CheckId } from '../../../src/doctor/report.ts';

function chainOf(patience: Patience = { every: 5, atMost: 0 }) {
  const abort = new AbortController();
  const seen: string[] = [];
  const chain: Chain = new Chain({
    signal: abort.signal,
    clock: systemClock,
    patience,
    changed: id => seen.push(`${id} ${chain?.states.get(id)?.kind}`),
  });
  return { chain, abort, seen };
}
const failure = (code = 'cluster.unreachable') => new AgentIdError(code);
const kind = (chain: Chain, id: CheckId) => chain.states.get(id)?.kind;

test('a failed check stops what depends on it, names where it began, and leaves the others alone', async () => {
  const { chain } = chainOf();
  const first = chain.add('kubeconfig', { needs: [], look: () => Promise.reject(failure()) });
  const second = chain.add('context', { needs: [first], look: async () => 1 });
  chain.add('apiServer', { needs: [second], look: async () => assert.fail('it is not looked at') });
  chain.add('signIn', { needs: [], look: async () => 2 });
  await chain.ended();
  assert.equal(kind(chain, 'kubeconfig'), 'failed');
  assert.deepEqual(chain.states.get('apiServer'), { kind: 'blocked', needs: ['kubeconfig'] });
  assert.equal(kind(chain, 'signIn'), 'passed');
});

test('values are handed on; what comes after another waits for it, passed or not', async () => {
  const { chain } = chainOf();
  const one = chain.add('kubeconfig', { needs: [], look: async () => 1 });
  const bad = chain.add('context', { needs: [], look: () => Promise.reject(failure()) });
  let got: unknown;
  chain.add('apiServer', {
    needs: [one],
    after: [bad],
    look: async (_look, [value], [other]) => void (got = [value, other, kind(chain, 'context')]),
  });
  await chain.ended();
  assert.deepEqual(got, [1, undefined, 'failed']);
});

test('what a check found before it failed is kept, and what it could not see stops nothing', async () => {
  const { chain } = chainOf();
  chain.add('kubeconfig', {
    needs: [],
    look: async look => {
      look.fact('files', '~/.kube/config');
      throw failure();
    },
  });
  const unseen = chain.add('federation', {
    needs: [],
    look: async look => void (look.unseen = failure('doctor.issuerUnreadable')),
  });
  chain.add('tokens', { needs: [unseen], look: async () => {} });
  await chain.ended();
  const failed = chain.states.get('kubeconfig');
  assert.deepEqual(failed?.kind === 'failed' && failed.facts, [{ name: 'files', value: '~/.kube/config' }]);
  assert.equal(kind(chain, 'federation'), 'unknown');
  assert.equal(kind(chain, 'tokens'), 'passed');
});

/** Lets everything go on that waits for nothing but its turn. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

test('what time may mend is tried again until it holds, and stays in sight meanwhile', async () => {
  const { chain, seen } = chainOf({ every: 5, atMost: 10_000 });
  let tries = 0;
  const options = { needs: [] as const, mends: (error: AgentIdError) => error.code === 'sidecar.consentMissing' };
  chain.add('mcpToken', {
    ...options,
    look: async () => {
      if (++tries < 3) throw failure('sidecar.consentMissing');
    },
  });
  chain.add('llmToken', { ...options, look: () => Promise.reject(failure('sidecar.entraRefused')) });
  await chain.ended();
  assert.equal(tries, 3);
  assert.deepEqual(
    seen.filter(line => line.startsWith('mcpToken')).slice(1),
    ['running', ...Array.from({ length: 4 }, () => 'waiting'), 'passed'].map(state => `mcpToken ${state}`),
  );
  assert.equal(kind(chain, 'llmToken'), 'failed', 'nothing else is waited for');
});

test('by the clock: each quarter of a minute for six minutes, with the time of the next try and of the end', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  try {
    const { chain } = chainOf(PATIENCE);
    const tries: number[] = [];
    chain.add('mcpToken', {
      needs: [],
      mends: () => true,
      look: () => {
        tries.push((Date.now() - 1_000_000) / 1000);
        return Promise.reject(failure('sidecar.consentMissing'));
      },
    });
    await settle();
    for (let elapsed = 0; kind(chain, 'mcpToken') === 'waiting'; elapsed += 15) {
      const state = chain.states.get('mcpToken');
      assert.ok(state?.kind === 'waiting' && !state.trying);
      assert.deepEqual([state.nextTry, state.until], [1_000_000 + (elapsed + 15) * 1000, 1_000_000 + 6 * 60_000]);
      mock.timers.tick(14_999);
      await settle();
      assert.equal(tries.at(-1), elapsed, 'not before its time');
      mock.timers.tick(1);
      await settle();
    }
    assert.deepEqual(
      tries,
      Array.from({ length: 25 }, (_, n) => n * 15),
    );
    const state = chain.states.get('mcpToken');
    assert.ok(state?.kind === 'failed' && AgentIdError.is(state.error, 'sidecar.consentMissing'));
    assert.equal(state.ms, 360_000);
  } finally {
    mock.timers.reset();
  }
});

test('where one of two would have had to pass, and none did, nothing was looked at', async () => {
  const { chain } = chainOf();
  const root = chain.add('signIn', { needs: [], look: () => Promise.reject(failure()) });
  const [llm, mcp] = [
    chain.add('llmToken', { needs: [root], look: async () => 1 }),
    chain.add('mcpToken', { needs: [root], look: async () => 1 }),
  ];
  chain.add('preflight', {
    needs: [],
    after: [llm, mcp],
    look: async (look, _needed, [one, other]) => {
      if (!one && !other) look.missing = [llm, mcp];
    },
  });
  await chain.ended();
  assert.deepEqual(chain.states.get('preflight'), { kind: 'blocked', needs: ['signIn'] });
});

test('a wait can be ended by hand: with a try at once, or for good', async () => {
  for (const again of [true, false]) {
    const { chain } = chainOf({ every: 60_000, atMost: 600_000 });
    let tries = 0;
    chain.add('mcpToken', {
      needs: [],
      mends: () => true,
      look: async () => {
        if (++tries === 1) throw failure('sidecar.consentMissing');
      },
    });
    while (kind(chain, 'mcpToken') !== 'waiting') await new Promise(resolve => setImmediate(resolve));
    await new Promise(resolve => setImmediate(resolve));
    chain.wake('mcpToken', again);
    await chain.ended();
    assert.equal(kind(chain, 'mcpToken'), again ? 'passed' : 'failed');
    assert.equal(tries, again ? 2 : 1);
  }
});

test('an abort stops what runs, what waits and what has not begun, at once', async () => {
  const { chain, abort } = chainOf({ every: 60_000, atMost: 600_000 });
  const stuck = chain.add('kubeconfig', { needs: [], look: () => new Promise<number>(() => {}) });
  chain.add('context', { needs: [stuck], look: async () => {} });
  chain.add('mcpToken', { needs: [], mends: () => true, look: () => Promise.reject(failure()) });
  while (kind(chain, 'mcpToken') !== 'waiting') await new Promise(resolve => setImmediate(resolve));
  abort.abort();
  await chain.ended();
  for (const id of ['kubeconfig', 'context', 'mcpToken'] as const) assert.equal(kind(chain, id), 'stopped', id);
});
