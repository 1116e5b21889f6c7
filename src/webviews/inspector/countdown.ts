import { say } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';
import { duration } from '../shared/time.ts';

/** The host's clock as the view sees it, and the one timer that keeps every time left on the page true. */
export class Countdown {
  #offset = 0;
  readonly #tick: () => void;

  constructor(tick: () => void) {
    this.#tick = tick;
    setInterval(() => {
      if (!document.hidden) this.#tick();
    }, 1000);
  }

  /** `now`: the host's time in milliseconds since the epoch. */
  set(now: number): void {
    this.#offset = now - Date.now();
  }

  /** Milliseconds until `time` (milliseconds since the epoch, host's clock); negative when it has passed. */
  until(time: number): number {
    return time - (Date.now() + this.#offset);
  }

  /** Writes the time left into an element, or with `past` how long ago it ran out. */
  write(element: Element, expiresAt: number, past: (time: string) => string): void {
    const left = this.until(expiresAt);
    say(element, left > 0 ? t('{0} left', duration(left)) : past(duration(-left)));
    element.toggleAttribute('data-soon', left > 0 && left < 5 * 60_000);
    element.toggleAttribute('data-expired', left <= 0);
  }
}
