import { h, say } from '../shared/dom.ts';
import { icon } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';

/** How near the end, in CSS pixels, still counts as "at the end": one line, so that rounding can't lose it. */
const NEAR = 24;
/** Around what is brought into view, in CSS pixels. */
const MARGIN = 10;

/**
 * Keeps the end of the conversation in view while the reader is there, and never moves it while the reader is
 * elsewhere: then a pill offers the way back, or to `wanted`, what waits for an answer, while that is out of view.
 */
export class StickyEnd {
  readonly #label = h('span');
  readonly pill = h(
    'button',
    { type: 'button', class: 'pill', hidden: true, onclick: () => this.#press() },
    icon('down'),
    this.#label,
  );
  readonly #box: HTMLElement;
  readonly #wanted: () => HTMLElement | undefined;
  #atEnd = true;

  constructor(box: HTMLElement, content: HTMLElement, wanted: () => HTMLElement | undefined) {
    this.#box = box;
    this.#wanted = wanted;
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

  /**
   * Brings something above the end into view, its beginning if it does not fit, and stays there. (`scrollIntoView` would
   * move the editor around the view as well.)
   */
  showInstead(element: HTMLElement): void {
    const box = this.#box.getBoundingClientRect();
    const { top, bottom, height } = element.getBoundingClientRect();
    const above = top - MARGIN - box.top;
    const below = bottom + MARGIN - box.bottom;
    if (above < 0 || height + 2 * MARGIN > box.height) this.#box.scrollTop += above;
    else if (below > 0) this.#box.scrollTop += below;
    this.#look(); // now, not at the scroll event: the observer comes first and would go back to the end
  }

  /** Stay where the reader is, whatever comes. */
  leave(): void {
    this.#atEnd = false;
  }

  #look(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    this.#atEnd = scrollHeight - scrollTop - clientHeight <= NEAR;
    const missed = this.#missed();
    this.pill.hidden = this.#atEnd || (this.#wanted() !== undefined && !missed); // it would lie over the answers
    say(this.#label, missed ? t('Approval Needed') : t('Jump to Latest'));
  }

  #press(): void {
    const missed = this.#missed();
    if (!missed) return this.jump();
    missed.focus({ preventScroll: true });
    this.showInstead(missed);
  }

  /** What is wanted, if no part of it is in view. */
  #missed(): HTMLElement | undefined {
    const wanted = this.#wanted();
    const rect = wanted?.getBoundingClientRect();
    const box = this.#box.getBoundingClientRect();
    return rect && (rect.top >= box.bottom || rect.bottom <= box.top) ? wanted : undefined;
  }
}
