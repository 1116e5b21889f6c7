/**
 * The chat view, in the page that `protocol/html` builds: an empty body with `data-view="chat"`. All state lives in the
 * host; this draws what the host says and reports what the person does.
 */
import { emptyChat, type FromChat, parseToChat } from '../../protocol/chat.ts';
import { applyToChat } from '../../protocol/chatState.ts';
import type { Mode } from '../../protocol/common.ts';
import { safeHref } from '../../protocol/links.ts';
import { Receiver } from '../../protocol/receiver.ts';
import { Announcer } from '../shared/announcer.ts';
import { h } from '../shared/dom.ts';
import { connectHost } from '../shared/host.ts';
import { t } from '../shared/l10n.ts';
import { routeLinks } from '../shared/links.ts';
import { ModeLine } from '../shared/modeLine.ts';
import type { Actions } from './actions.ts';
import { Composer } from './composer.ts';
import { Conversation } from './conversation.ts';
import { EmptyChat } from './emptyChat.ts';
import { anchorOf, parseSavedChat, scrollToAnchor } from './savedState.ts';

const host = connectHost<FromChat>(receive);
const receiver = new Receiver(emptyChat, applyToChat);
const saved = parseSavedChat(host.restore());
let anchor = saved.anchor;

const announcer = new Announcer();
const actions: Actions = {
  approve: (callId, decision, reason) => host.post({ type: 'approve', callId, decision, ...(reason && { reason }) }),
  retry: id => host.post({ type: 'retry', id }),
  copy: text => host.post({ type: 'copy', text }),
  run: id => host.post({ type: 'runAction', id }),
  send,
  announce: text => announcer.say(text),
  interrupt: text => announcer.interrupt(text),
};

const modeLine = new ModeLine();
const conversation = new Conversation(actions);
const empty = new EmptyChat(actions);
const composer = new Composer({ send, stop: () => host.post({ type: 'stop' }), changed: save }, saved.draft);

document.body.append(
  h('header', {}, h('h1', { class: 'screen-reader-only' }, t('Agent ID chat')), modeLine.element),
  h(
    'main',
    {},
    h('div', { class: 'stage' }, conversation.element, empty.element, conversation.end.pill),
    composer.element,
  ),
  announcer.element,
);
routeLinks(safeHref, href => host.post({ type: 'openLink', href }));
conversation.element.addEventListener('scrollend', save);
conversation.end.pill.addEventListener('click', () => {
  if (!conversation.element.contains(document.activeElement)) composer.focus(); // the pill that had it is gone
});
document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && !event.isComposing && receiver.state.busy) host.post({ type: 'stop' });
});
host.post({ type: 'ready' });

let frame = 0;
let quiet = false;

function receive(data: unknown): void {
  const message = parseToChat(data);
  if (!message) return;
  if (message.type === 'focus') {
    composer.focus();
    return;
  }
  const received = receiver.receive(message);
  if (received === 'gap') host.post({ type: 'needSnapshot' });
  if (received !== 'changed') return;
  quiet ||= message.type === 'snapshot'; // history is not news
  frame ||= requestAnimationFrame(draw); // one drawing per frame, however fast the tokens come
}

function draw(): void {
  frame = 0;
  const { state } = receiver;
  const waitingBefore = conversation.waiting.length;
  const focusWasInCard = document.activeElement?.closest('.tool, [data-asks]') !== null;
  modeLine.show(state.mode);
  conversation.show(state.items, quiet);
  empty.show(state);
  composer.show(nameOf(state.mode), state.busy);
  if (anchor && state.items.length > 0) {
    if (scrollToAnchor(conversation.element, anchor)) conversation.end.leave();
    anchor = undefined;
  }
  if (!quiet) guide(waitingBefore, focusWasInCard);
  quiet = false;
}

/**
 * A call that waits for an answer, or a question for a sign-in, comes into view, and takes the focus, on the card and not on a button, so that a key
 * pressed a moment too late allows nothing; but never from a person who reads or writes elsewhere. After the answer: the
 * next such card, or the message box.
 */
function guide(waitingBefore: number, focusWasInCard: boolean): void {
  const [next] = conversation.waiting;
  const idle = document.activeElement === document.body || (isComposer(document.activeElement) && !composer.draft);
  const asked = waitingBefore === 0 && next !== undefined;
  const answered = focusWasInCard && conversation.waiting.length < waitingBefore;
  if (next && (answered || (asked && conversation.end.atEnd)))
    conversation.end.showInstead(next.element.querySelector<HTMLElement>('.card') ?? next.element);
  if (!next && answered) conversation.end.jump();
  if (!document.hasFocus()) return;
  if (next && (answered || (asked && idle))) next.element.focus({ preventScroll: true });
  else if (answered) composer.focus();
}

function isComposer(element: Element | null): boolean {
  return element !== null && composer.element.contains(element);
}

function send(text: string): void {
  host.post({ type: 'send', text });
  conversation.end.jump();
  composer.focus();
}

function save(): void {
  const at = conversation.end.atEnd ? undefined : anchorOf(conversation.element);
  host.save({ draft: composer.draft, ...(at && { anchor: at }) });
}

function nameOf(mode: Mode): string | undefined {
  if (mode.kind === 'apiKey') return mode.model;
  return mode.kind === 'connected' || mode.kind === 'sandbox' ? mode.agent : undefined;
}
