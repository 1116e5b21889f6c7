import { visible } from '../../protocol/visible.ts';
import { h } from './dom.ts';

/**
 * Speaks to screen readers, and to nobody else: whole sentences when something is finished, never a stream of tokens.
 */
export class Announcer {
  readonly element: HTMLElement;
  readonly #polite = h('div', { role: 'status', 'aria-live': 'polite' });
  readonly #urgent = h('div', { role: 'alert' });

  constructor() {
    this.element = h('div', { class: 'screen-reader-only' }, this.#polite, this.#urgent);
  }

  /** When the reader has time. */
  say(text: string): void {
    add(this.#polite, text);
  }

  /** At once: the person is needed. */
  interrupt(text: string): void {
    add(this.#urgent, text);
  }
}

/** A region speaks what is added to it; a few old sentences stay so that a slow reader does not lose one. */
function add(region: HTMLElement, text: string): void {
  const words = visible(text).replace(/\s+/g, ' ').trim();
  if (!words) return;
  region.append(h('p', {}, words.length > 1000 ? `${words.slice(0, 999)}…` : words));
  while (region.childElementCount > 5) region.firstElementChild?.remove();
}
