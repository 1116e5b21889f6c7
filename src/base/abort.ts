/**
 * The promise, or a rejection with the signal's reason as soon as it is aborted. What the promise stands for goes on;
 * its later outcome is dropped. Nothing stays registered on the signal afterwards, so it may live long.
 */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    const done = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(done);
  });
}
