import { fill, h, say } from '../shared/dom.ts';
import { icon } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import { copyButton } from '../shared/copyButton.ts';

/**
 * The raw token of one region. It is masked until the host answers a Reveal, lives in this element's text and nowhere
 * else, and is gone at the deadline, when the view is hidden, or when Hide is pressed.
 */
export class RawOutput {
  readonly element: HTMLElement;
  readonly #length: number;
  readonly #ask: () => void;
  readonly #output = h('pre', { class: 'raw', tabindex: 0, role: 'group', 'aria-label': t('Raw output') });
  readonly #button = h('button', { type: 'button', class: 'secondary', onclick: () => this.#press() });
  readonly #time = h('span', { class: 'faint' });
  /** When it hides again, by this machine's clock; undefined while masked. */
  #deadline: number | undefined;
  #timer = 0;

  constructor(options: { key: string; length: number; reveal(): void; copy(): void }) {
    this.#length = options.length;
    this.#ask = () => options.reveal();
    this.#button.dataset.key = `reveal ${options.key}`;
    this.element = h(
      'div',
      { class: 'raw-output' },
      h(
        'div',
        { class: 'raw-tools' },
        h('h3', {}, t('Raw output')),
        this.#button,
        copyButton(t('Copy Raw Token'), () => options.copy()),
        this.#time,
      ),
      this.#output,
    );
    this.conceal();
  }

  /** Shows the token for `ms` milliseconds, its three parts told apart by colour. */
  show(raw: string, ms: number): void {
    clearTimeout(this.#timer);
    this.#deadline = Date.now() + ms;
    this.#timer = window.setTimeout(() => this.conceal(), ms);
    const parts = raw.split('.');
    fill(
      this.#output,
      ...parts.map((part, index) =>
        h('span', { class: `part-${index}` }, index < parts.length - 1 ? `${part}.` : part),
      ),
    );
    fill(this.#button, icon('hide'), t('Hide'));
    this.tick();
  }

  conceal(): void {
    clearTimeout(this.#timer);
    this.#deadline = undefined;
    const length = t('({0} characters)', this.#length);
    fill(this.#output, h('span', { class: 'mask', 'aria-hidden': 'true' }, '•'.repeat(24)), `${t('Hidden')} ${length}`);
    fill(this.#button, icon('reveal'), t('Reveal'));
    say(this.#time, '');
  }

  tick(): void {
    if (this.#deadline === undefined) return;
    say(this.#time, t('Hides in {0} s', Math.max(0, Math.ceil((this.#deadline - Date.now()) / 1000))));
  }

  #press(): void {
    if (this.#deadline === undefined) this.#ask();
    else this.conceal();
  }
}
