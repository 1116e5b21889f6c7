import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { TokenTimer } from '../../../src/views/tokenTimer.ts';

const START = 1772372000_000;
const SECOND = 1000;

describe('the time that tokens have left', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'], now: START }));
  afterEach(() => mock.timers.reset());

  /** A timer over these ends, in seconds from now, and when it had the view drawn, in seconds from the start. */
  function setup(...seconds: number[]) {
    const ends = seconds.map(after => START + after * SECOND);
    const drawn: number[] = [];
    const timer = new TokenTimer({
      ends: () => ends,
      draw: () => drawn.push((Date.now() - START) / SECOND),
      clock: { now: () => Date.now() },
    });
    const pass = (after: number) => {
      for (let second = 0; second < after; second++) mock.timers.tick(SECOND); // the clock jumps with each tick
    };
    return { ends, drawn, timer, pass };
  }

  it('is drawn again when a token ends, and every few seconds while seconds are shown', () => {
    const { drawn, timer, pass } = setup(12, 3600);
    timer.update();
    pass(60);
    assert.deepEqual(drawn, [5, 10, 12, 32, 52]);
  });

  it('is drawn no more when the last has ended, until there are others', () => {
    const { ends, drawn, timer, pass } = setup(3);
    timer.update();
    pass(100);
    assert.deepEqual(drawn, [3]);
    ends.push(START + 103 * SECOND);
    timer.update();
    pass(100);
    assert.deepEqual(drawn, [3, 103]);
  });

  it('has one timer, however often the tokens change, and none in the end', () => {
    const { drawn, timer, pass } = setup(4);
    for (let times = 0; times < 10; times++) timer.update();
    pass(4);
    assert.deepEqual(drawn, [4]);
    const other = setup(4);
    other.timer.update();
    other.timer.dispose();
    pass(4);
    assert.deepEqual(other.drawn, []);
  });
});
