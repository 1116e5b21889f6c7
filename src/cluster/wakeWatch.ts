import type { Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';

/** Timers stand still while a machine sleeps, and its clock goes on: tells of each waking, with the seconds that were slept. */
export class WakeWatch implements Disposable {
  readonly #clock: Clock;
  readonly #jump: number;
  readonly #woke: (seconds: number) => void;
  readonly #timer: NodeJS.Timeout;
  #last: number;

  /** Looks at the clock every `look` milliseconds; one that went on by `sleep` more has slept. */
  constructor(clock: Clock, { look, sleep }: { look: number; sleep: number }, woke: (seconds: number) => void) {
    this.#clock = clock;
    this.#jump = look + sleep;
    this.#woke = woke;
    this.#last = clock.now();
    this.#timer = setInterval(() => this.look(), look).unref();
  }

  /** Looks at the clock now. */
  look(): void {
    const now = this.#clock.now();
    const passed = now - this.#last;
    this.#last = now;
    if (passed >= this.#jump) this.#woke(Math.round(passed / 1000));
  }

  dispose(): void {
    clearInterval(this.#timer);
  }
}
