import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something is so that others bring about; throws after `limit` milliseconds, with what never happened. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = condition.toString(),
  limit = 20_000,
): Promise<void> {
  const end = Date.now() + limit;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await sleep(5);
  }
}
