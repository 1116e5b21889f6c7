import { h } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';

/** Time without a key before the result is spoken, in milliseconds. */
const SETTLED_MS = 500;

/** The field that filters the claims of all tokens. `filter` gets lower case, and returns how many claims are left. */
export class ClaimSearch {
  readonly element: HTMLElement;
  readonly #field: HTMLInputElement;
  readonly #filter: (words: string) => number;
  readonly #announce: (text: string) => void;
  #timer = 0;

  constructor(filter: (words: string) => number, announce: (text: string) => void) {
    this.#filter = filter;
    this.#announce = announce;
    this.#field = h('input', {
      type: 'search',
      class: 'search',
      placeholder: t('Filter by name, value or meaning'),
      'aria-label': t('Filter claims'),
      oninput: () => this.apply(true),
    });
    this.element = h('div', { role: 'search' }, this.#field);
  }

  /** Filters by what is in the field: after a key, and again when a token was drawn anew. */
  apply(typed = false): void {
    const left = this.#filter(this.#field.value.trim().toLowerCase());
    if (!typed) return;
    clearTimeout(this.#timer);
    const words = left === 1 ? t('1 claim') : t('{0} claims', left);
    this.#timer = window.setTimeout(() => this.#announce(words), SETTLED_MS);
  }
}
