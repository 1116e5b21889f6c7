import { orAborted } from './abort.ts';

/**
 * Runs at most one piece of work for a key at a time: callers that come while it runs share its result. A caller's
 * signal ends only that caller's wait; the work itself is aborted when nobody waits for it any more.
 */
export class SingleFlight<T> {
  readonly #running = new Map<string, { result: Promise<T>; waiting: number; abort: AbortController }>();

  async run(key: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    let flight = this.#running.get(key);
    if (!flight) {
      const abort = new AbortController();
      const result = work(abort.signal).finally(() => {
        if (this.#running.get(key)?.result === result) this.#running.delete(key);
      });
      result.catch(() => {}); // its waiters hear of it; a flight that everybody left must not be an unhandled rejection
      flight = { result, waiting: 0, abort };
      this.#running.set(key, flight);
    }
    const mine = flight;
    mine.waiting++;
    try {
      return await (signal ? orAborted(mine.result, signal) : mine.result);
    } finally {
      if (--mine.waiting === 0 && this.#running.get(key) === mine) {
        this.#running.delete(key);
        mine.abort.abort();
      }
    }
  }
}
