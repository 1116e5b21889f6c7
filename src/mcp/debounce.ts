import type { Disposable } from '../base/disposable.ts';

/**
 * Calls `action` once things have been quiet for `quiet` milliseconds, but never later than `cap` milliseconds after
 * the first call: a server that never stops announcing changes must not keep us from looking.
 */
export function debounce(action: () => void, quiet: number, cap: number): (() => void) & Disposable {
  let timer: NodeJS.Timeout | undefined;
  let first = 0;
  const trigger = () => {
    const now = Date.now();
    if (timer) clearTimeout(timer);
    else first = now;
    const run = () => {
      timer = undefined;
      action();
    };
    timer = setTimeout(run, Math.max(0, Math.min(quiet, first + cap - now)));
  };
  return Object.assign(trigger, {
    dispose() {
      clearTimeout(timer);
      timer = undefined;
    },
  });
}
