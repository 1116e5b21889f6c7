import type { ChatItem } from '../../protocol/chat.ts';
import { attribute, h } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';
import type { Actions, ItemView } from './actions.ts';
import { assistantView, noticeView, userView } from './messages.ts';
import { StickyEnd } from './scroll.ts';
import { ToolCard } from './toolCard.ts';

interface Shown {
  item: ChatItem;
  readonly view: ItemView<ChatItem>;
}

/** The log of a conversation. What has not changed is not touched. */
export class Conversation {
  readonly #list = h('div', { class: 'items' });
  /** Silent in itself (a log would read every token aloud): the announcer speaks for it. */
  readonly element = h(
    'div',
    { role: 'log', 'aria-label': t('Conversation'), 'aria-live': 'off', class: 'conversation' },
    this.#list,
  );
  readonly end = new StickyEnd(this.element, this.#list, () => this.waiting[0]?.element);
  readonly #actions: Actions;
  readonly #shown = new Map<string, Shown>();

  constructor(actions: Actions) {
    this.#actions = actions;
  }

  /** The rows that wait for the person, oldest first. */
  get waiting(): ItemView<ChatItem>[] {
    return [...this.#shown.values()].map(({ view }) => view).filter(view => view.waiting);
  }

  show(items: readonly ChatItem[], quiet: boolean): void {
    const ids = new Set(items.map(item => item.id));
    for (const [id, { view }] of this.#shown) {
      if (ids.has(id)) continue;
      view.element.remove();
      this.#shown.delete(id);
    }
    const last = items.at(-1);
    const fresh = last?.kind === 'notice' && !this.#shown.has(last.id);
    let previous: Element | null = null;
    for (const item of items) {
      const element = this.#showItem(item, quiet);
      const next: Element | null = previous ? previous.nextElementSibling : this.#list.firstElementChild;
      if (next !== element) this.#list.insertBefore(element, next);
      previous = element;
    }
    attribute(this.element, 'tabindex', items.length > 0 ? 0 : undefined); // reachable only where there is something
    this.end.follow();
    if (fresh && this.end.atEnd && previous instanceof HTMLElement) this.end.showInstead(previous); // its headline, if not all fits
  }

  #showItem(item: ChatItem, quiet: boolean): HTMLElement {
    let shown = this.#shown.get(item.id);
    if (shown?.item === item) return shown.view.element;
    if (shown && shown.item.kind !== item.kind) {
      shown.view.element.remove();
      shown = undefined;
    }
    if (shown) shown.item = item;
    else {
      shown = { item, view: this.#viewOf(item) };
      this.#shown.set(item.id, shown);
      shown.view.element.dataset.id = item.id;
    }
    shown.view.update(item, quiet);
    return shown.view.element;
  }

  #viewOf(item: ChatItem): ItemView<ChatItem> {
    const views: Record<ChatItem['kind'], () => ItemView<never>> = {
      user: () => userView(),
      assistant: () => assistantView(this.#actions),
      tool: () => new ToolCard(this.#actions),
      notice: () => noticeView(this.#actions),
    };
    return views[item.kind](); // a view is only ever given items of its own kind
  }
}
