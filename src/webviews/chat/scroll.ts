import { h, say } from '../shared/dom.ts';
import { icon } from '../shared/icons.ts';

/** How near the end, in CSS pixels, still counts as "at the end": one line, so that rounding can't lose it. */
const NEAR = 24;

/**
 * Keeps the end of the conversation in view while the reader is there, and never moves it while the reader is
 * elsewhere: then a pill offers the way back.
 */
export class StickyEnd {
  readonly pill = h(
    'button',
    { type: 'button', class: 'pill', hidden: true, onclick: () => this.jump() },
    icon('down'),
  );
  readonly #label = h('span');
  readonly #box: HTMLElement;
  #atEnd = true;

  constructor(box: HTMLElement, content: HTMLElement) {
    this.#box = box;
    this.pill.append(this.#label);
    box.addEventListener('scroll', () => this.#look(), { passive: true });
    const follow = new ResizeObserver(() => this.follow());
    follow.observe(box);
    follow.observe(content);
  }

  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** After the content has changed. */
  follow(): void {
    if (this.#atEnd) this.#box.scrollTop = this.#box.scrollHeight;
    else this.#look();
  }

  jump(): void {
    this.#atEnd = true;
    this.follow();
    this.#look();
  }

  /** What the pill says. */
  call(label: string): void {
    say(this.#label, label);
  }

  /** Stay where the reader is, whatever comes. */
  leave(): void {
    this.#atEnd = false;
  }

  #look(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    this.#atEnd = scrollHeight - scrollTop - clientHeight <= NEAR;
    this.pill.hidden = this.#atEnd;
  }
}
