import type { Fetch } from '../../src/base/fetch.ts';

/** What the script needs of the machine that it runs on; a test brings its own. */
export interface World {
  readonly fetch: Fetch;
  /** Waits so many milliseconds; rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** One line for the person who watches. */
  say(line: string): void;
  /** What was asked for, on stdout. */
  print(text: string): void;
  /** Asks the person; undefined when nobody is there to answer. */
  ask(question: string): Promise<string | undefined>;
  /** Aborted by Ctrl+C. What cleans up does not listen to it. */
  readonly signal: AbortSignal;
}
