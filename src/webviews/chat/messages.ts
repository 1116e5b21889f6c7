import type { AssistantItem, NoticeItem, UserItem } from '../../protocol/chat.ts';
import { asText } from '../../protocol/fixers.ts';
import { visible } from '../../protocol/visible.ts';
import { attribute, fill, h, say } from '../shared/dom.ts';
import { describeFailure } from '../shared/failure.ts';
import { icon } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import type { Actions, ItemView } from './actions.ts';
import { MarkdownView } from './markdownView.ts';

/** What the person wrote: plain text, as written. */
export function userView(): ItemView<UserItem> {
  const text = h('p', { class: 'text', dir: 'auto' });
  const element = h('article', { class: 'item user' }, h('h2', { class: 'screen-reader-only' }, t('You')), text);
  return { element, update: item => say(text, visible(item.text)) };
}

/** What the model answers: Markdown that grows while it streams. */
export function assistantView(actions: Actions): ItemView<AssistantItem> {
  const markdown = new MarkdownView(text => actions.copy(text));
  const status = h('p', { class: 'status' });
  const element = h('article', { class: 'item assistant' }, byline(), markdown.element, status);
  const sentences = {
    streaming: '',
    done: '',
    stopped: t('Stopped. The answer is incomplete.'),
    failed: t('The answer broke off.'),
  };
  return {
    element,
    update(item, quiet) {
      const finished = markdown.update(item.text, item.status !== 'streaming');
      attribute(element, 'data-status', item.status);
      attribute(element, 'data-empty', !item.text.trim());
      say(status, sentences[item.status]);
      if (!quiet) actions.announce(`${finished} ${sentences[item.status]}`);
    },
  };
}

/** Who speaks, shown where the agent's turn begins (the styles hide it elsewhere). */
export function byline(): HTMLElement {
  return h('h2', { class: 'byline' }, icon('agent'), h('span', {}, t('Agent')));
}

/** A row of the chat itself: what went wrong, the next step, and the buttons for it; or what the turn waits for. */
export function noticeView(actions: Actions): ItemView<NoticeItem> {
  const body = h('div', { class: 'notice-body' });
  const element = h('article', { class: 'item notice' });
  let waiting = false;
  return {
    element,
    get waiting() {
      return waiting;
    },
    update(item, quiet) {
      const { id, level, failure, asks, retry } = item;
      waiting = asks === true;
      const title = asks ? t('Sign-in needed') : { info: t('Note'), warning: t('Warning'), error: t('Error') }[level];
      attribute(element, 'data-level', level);
      attribute(element, 'data-asks', waiting);
      attribute(element, 'tabindex', waiting ? -1 : undefined); // the focus comes to the row, not to its button
      const again = () =>
        h('button', { type: 'button', class: 'secondary', onclick: () => actions.retry(id) }, t('Try Again'));
      fill(body, ...describeFailure(failure, actions, retry ? { first: again() } : {}));
      fill(element, h('h2', { class: 'screen-reader-only' }, title), icon(level), body);
      if (!quiet) actions.interrupt(`${title}: ${asText(t, failure, ' ')}`);
    },
  };
}
