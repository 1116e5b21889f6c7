import { LIMITS } from '../../protocol/common.ts';
import { attribute, h, say } from '../shared/dom.ts';
import { icon } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';

export interface ComposerEvents {
  send(text: string): void;
  stop(): void;
  changed(draft: string): void;
}

/** The message box. Enter sends, Shift+Enter makes a new line, and a key that ends an IME composition does neither. */
export class Composer {
  readonly #box = h('textarea', {
    rows: 1,
    'aria-label': t('Message'),
    'aria-describedby': 'composer-problem',
    oninput: () => this.#changed(),
    onkeydown: (event: KeyboardEvent) => this.#key(event),
  });
  readonly #problem = h('p', { id: 'composer-problem', class: 'problem', role: 'alert' });
  readonly #send = button('send', t('Send'), t('Send (Enter)'), () => this.#submit());
  readonly #stop = button('stop', t('Stop'), t('Stop (Escape)'), () => this.#events.stop());
  readonly element = h(
    'div',
    { class: 'composer' },
    h('div', { class: 'progress', 'aria-hidden': 'true' }),
    h('div', { class: 'box' }, this.#box, this.#send, this.#stop),
    this.#problem,
  );
  readonly #events: ComposerEvents;
  #busy = false;
  #connected = false;

  constructor(events: ComposerEvents, draft: string) {
    this.#events = events;
    this.#box.value = draft;
    this.#look();
  }

  get draft(): string {
    return this.#box.value;
  }

  /** `name` is who is asked: the agent, or the model in API-key mode; undefined while nobody is there. */
  show(name: string | undefined, busy: boolean): void {
    const stopHadFocus = document.activeElement === this.#stop;
    this.#busy = busy;
    this.#connected = name !== undefined;
    attribute(this.#box, 'placeholder', name === undefined ? t('Connect to start a chat') : t('Ask {0}', name));
    this.#look();
    if (stopHadFocus && !busy) this.focus();
  }

  focus(): void {
    this.#box.focus();
  }

  #changed(): void {
    this.#look();
    this.#events.changed(this.#box.value);
  }

  #look(): void {
    const excess = this.#box.value.length - LIMITS.userText;
    say(this.#problem, excess > 0 ? t('Too long by {0} characters.', excess) : '');
    attribute(this.#box, 'aria-invalid', excess > 0 ? 'true' : undefined);
    attribute(this.element, 'data-busy', this.#busy);
    this.#send.hidden = this.#busy;
    this.#stop.hidden = !this.#busy;
    this.#send.disabled = !this.#connected || excess > 0 || !this.#box.value.trim();
  }

  #key(event: KeyboardEvent): void {
    // 229: Safari-like engines end a composition before the key that ended it is reported.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#submit();
  }

  #submit(): void {
    if (this.#busy || this.#send.disabled) return;
    const text = this.#box.value.trim();
    this.#box.value = '';
    this.#changed();
    this.#events.send(text);
    this.focus();
  }
}

function button(name: 'send' | 'stop', label: string, title: string, onclick: () => void): HTMLButtonElement {
  return h('button', { type: 'button', class: `round ${name}`, 'aria-label': label, title, onclick }, icon(name));
}
