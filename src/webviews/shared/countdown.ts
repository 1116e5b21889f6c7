import { say } from './dom.ts';
import { t } from './l10n.ts';
import { duration } from './time.ts';

/** The host's clock as the view sees it, and the one timer that keeps every time on the page true. */
export class Countdown {
  #offset = 0;
  readonly #live = new Map<Element, () => void>();

  /** `tick` is called each second while the view is shown. */
  constructor(tick: () => void) {
    setInterval(() => {
      if (document.hidden) return;
      tick();
      for (const [element, write] of this.#live)
        if (element.isConnected) write();
        else this.#live.delete(element);
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

  /** Keeps the time left in an element for as long as it is on the page, or with `past` how long ago it ran out. */
  timeLeft(element: HTMLElement, expiresAt: number, past: (time: string) => string): HTMLElement {
    return this.#keep(element, () => {
      const left = this.until(expiresAt);
      say(element, left > 0 ? t('{0} left', duration(left)) : past(duration(-left)));
      element.toggleAttribute('data-soon', left > 0 && left < 5 * 60_000);
      element.toggleAttribute('data-expired', left <= 0);
    });
  }

  /** Keeps in an element how far away a point in time is. */
  distance(element: HTMLElement, time: number): HTMLElement {
    return this.#keep(element, () => {
      const left = this.until(time);
      say(element, left > 0 ? t('in {0}', duration(left)) : t('{0} ago', duration(-left)));
    });
  }

  #keep(element: HTMLElement, write: () => void): HTMLElement {
    this.#live.set(element, write);
    write();
    return element;
  }
}
