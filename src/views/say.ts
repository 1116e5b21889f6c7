import { describe } from '../base/errors.ts';
import { redact } from '../base/redact.ts';
import type { Failure } from '../protocol/common.ts';
import type { Translate } from './messages/catalogue.ts';
import type { Occasion } from './messages/index.ts';

export interface Sayer {
  /** Words for an error; until they are loaded, what the error says of itself. */
  say(this: void, error: unknown): Failure;
  /** What may fail waits for it. */
  loaded: Promise<void>;
}

/**
 * Loads the words for errors beside the start of the window: they are a third of what the extension says, and needed
 * only when something has failed.
 */
export function loadSayer(t: Translate, occasion: Occasion): Sayer {
  let say: Sayer['say'] = error => ({ sentence: redact(describe(error)), actions: [] });
  const loaded = import('./messages/index.ts').then(({ sayer }) => void (say = sayer(t, occasion)));
  return { say: error => say(error), loaded };
}
