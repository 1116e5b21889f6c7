import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { orAborted } from '../../../src/base/abort.ts';
import { SingleFlight } from '../../../src/base/singleFlight.ts';

describe('SingleFlight', () => {
  it('shares the work of callers that come together, by key', async () => {
    const flights = new SingleFlight<number>();
    let runs = 0;
    const work = async () => ++runs;
    assert.deepEqual(
      await Promise.all([flights.run('a', work), flights.run('a', work), flights.run('b', work)]),
      [1, 1, 2],
    );
    assert.equal(await flights.run('a', work), 3);
  });

  it('shares a failure, and forgets it', async () => {
    const flights = new SingleFlight<number>();
    let runs = 0;
    const work = async () => {
      if (++runs === 1) throw new Error('first');
      return runs;
    };
    const both = [flights.run('a', work), flights.run('a', work)];
    for (const one of both) await assert.rejects(one, { message: 'first' });
    assert.equal(await flights.run('a', work), 2);
  });

  it('leaves nothing behind on a signal that outlives the work', async () => {
    const flights = new SingleFlight<string>();
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) await flights.run('a', async () => 'done', signal);
    await assert.rejects(
      flights.run(
        'a',
        async () => {
          throw new Error('no');
        },
        signal,
      ),
    );
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('ends one caller’s wait, and the work when nobody waits any more', async () => {
    const flights = new SingleFlight<string>();
    let seen: AbortSignal | undefined;
    const work = (signal: AbortSignal) => {
      seen = signal;
      return new Promise<string>(() => {});
    };
    const [one, two] = [new AbortController(), new AbortController()];
    const waits = [flights.run('a', work, one.signal), flights.run('a', work, two.signal)];
    one.abort();
    await assert.rejects(waits[0] ?? Promise.resolve(), { name: 'AbortError' });
    assert.equal(seen?.aborted, false);
    two.abort(new Error('enough'));
    await assert.rejects(waits[1] ?? Promise.resolve(), { message: 'enough' });
    assert.equal(seen?.aborted, true);
    assert.equal(await flights.run('a', async () => 'anew'), 'anew');
  });

  it('does not start for a caller who left before', async () => {
    const flights = new SingleFlight<string>();
    let runs = 0;
    await assert.rejects(
      flights.run('a', async () => String(++runs), AbortSignal.abort()),
      { name: 'AbortError' },
    );
    assert.equal(runs, 0);
  });
});

describe('orAborted', () => {
  it('rejects at once on a signal that is aborted already, whatever comes later', async () => {
    await assert.rejects(orAborted(Promise.reject(new Error('late')), AbortSignal.abort(new Error('first'))), {
      message: 'first',
    });
  });
});
