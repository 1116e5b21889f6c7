import type { Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';

/** Within this time of its end a token's time left is shown in seconds, in milliseconds. */
const SECONDS_SHOWN_MS = 120_000;

/** How long what a view says of these ends of tokens holds, in milliseconds; undefined when none is to come. */
function holdsFor(ends: readonly number[], now: number): number | undefined {
  const left = ends.map(end => end - now).filter(time => time > 0);
  if (left.length === 0) return undefined;
  const next = Math.min(...left);
  return Math.min(next, next > SECONDS_SHOWN_MS ? 20_000 : 5_000);
}

/** Has a view drawn again while the time goes by, with one timer: now and then, and at the moment a token ends. */
export class TokenTimer implements Disposable {
  readonly #ends: () => number[];
  readonly #draw: () => void;
  readonly #clock: Clock;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { ends(): number[]; draw(): void; clock: Clock }) {
    this.#ends = () => options.ends();
    this.#draw = () => options.draw();
    this.#clock = options.clock;
  }

  /** To be called when there are other tokens. */
  update(): void {
    clearTimeout(this.#timer);
    const wait = holdsFor(this.#ends(), this.#clock.now());
    if (wait === undefined) return;
    this.#timer = setTimeout(() => {
      this.#draw();
      this.update();
    }, wait);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}
