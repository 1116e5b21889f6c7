import type { ToolItem, ToolStatus } from '../../protocol/chat.ts';
import { visible } from '../../protocol/visible.ts';
import { copyButton } from '../shared/copyButton.ts';
import { attribute, fill, h, say } from '../shared/dom.ts';
import { describeFailure } from '../shared/failure.ts';
import { icon, type IconName } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import { latency } from '../shared/time.ts';
import type { Actions, ItemView } from './actions.ts';
import { approvalControls } from './approval.ts';
import { byline } from './messages.ts';

const STATUS: Record<ToolStatus, { icon: IconName; words: () => string }> = {
  waiting: { icon: 'waiting', words: () => t('Waiting for approval') },
  running: { icon: 'running', words: () => t('Running') },
  done: { icon: 'check', words: () => t('Done') },
  error: { icon: 'error', words: () => t('Failed') },
  denied: { icon: 'denied', words: () => t('Denied by policy') },
  rejected: { icon: 'rejected', words: () => t('Rejected') },
  cancelled: { icon: 'stop', words: () => t('Cancelled') },
};

/**
 * A tool call: one line with its name, where it went and how it ended; arguments, result and receipt below, opened by
 * the line. While it waits for approval it is open, so that what is approved is what is read.
 */
export class ToolCard implements ItemView<ToolItem> {
  readonly element = h('section', { role: 'group', class: 'item tool', tabindex: -1 });
  readonly #actions: Actions;
  readonly #toggle = h('button', { type: 'button', class: 'tool-line', onclick: () => this.#open(!this.#opened) });
  readonly #status = h('span', { class: 'tool-status' });
  readonly #failure = h('div', { class: 'tool-failure' });
  readonly #body = h('div', { class: 'tool-body' });
  readonly #approval = h('div', { class: 'decision' });
  #item: ToolItem | undefined;
  #opened = false;

  constructor(actions: Actions) {
    this.#actions = actions;
    const details = h('div', { class: 'tool-details' }, this.#failure, this.#body);
    fill(this.element, byline(), h('div', { class: 'card' }, this.#toggle, details, this.#approval));
  }

  get waiting(): boolean {
    return this.#item?.status === 'waiting';
  }

  update(item: ToolItem, quiet: boolean): void {
    const before = this.#item;
    this.#item = item;
    const name = visible(item.name);
    const { words } = STATUS[item.status];
    attribute(this.element, 'aria-label', t('Tool {0}', name));
    attribute(this.element, 'data-status', item.status);
    this.#showLine(item, name);
    fill(this.#failure, ...(item.failure ? describeFailure(item.failure, this.#actions) : []));
    if (before?.status !== item.status) {
      this.#open(item.status === 'waiting');
      fill(this.#approval, item.status === 'waiting' && this.#controls(item));
      if (!quiet && item.status === 'waiting') this.#actions.interrupt(t('Tool {0} waits for your approval.', name));
      else if (!quiet)
        this.#actions.announce(`${t('Tool {0}', name)}: ${words()}. ${visible(item.failure?.sentence ?? '')}`);
    } else if (this.#opened) this.#fillBody(item);
  }

  #controls(item: ToolItem): HTMLElement {
    return approvalControls((decision, reason) => this.#actions.approve(item.callId, decision, reason));
  }

  #showLine(item: ToolItem, name: string): void {
    const { icon: picture, words } = STATUS[item.status];
    const place = [item.server, item.target].filter(part => part !== undefined).map(visible);
    const time = item.durationMs === undefined ? '' : latency(item.durationMs);
    say(this.#status, words());
    fill(
      this.#toggle,
      icon(picture),
      h('span', { class: 'tool-name' }, name),
      this.#status,
      time && h('span', { class: 'tool-time' }, time),
      icon('chevron'),
      h(
        'span',
        { class: 'tool-origin' },
        h('span', {}, place.join(' › ')),
        item.identity !== undefined && h('span', { class: 'identity' }, visible(item.identity)),
      ),
    );
  }

  #open(opened: boolean): void {
    this.#opened = opened;
    attribute(this.#toggle, 'aria-expanded', String(opened));
    this.#body.hidden = !opened;
    if (opened && this.#item) this.#fillBody(this.#item);
    else fill(this.#body);
  }

  #fillBody(item: ToolItem): void {
    const receipt = item.receipt;
    fill(
      this.#body,
      this.#text(t('Arguments'), item.arguments),
      item.result !== undefined && this.#text(item.status === 'rejected' ? t('Your reason') : t('Result'), item.result),
      receipt &&
        h(
          'dl',
          { class: 'receipt' },
          ...this.#fact(t('Receipt'), receipt.id),
          ...(receipt.traceparent ? this.#fact('traceparent', receipt.traceparent) : []),
        ),
    );
  }

  #text(title: string, raw: string): HTMLElement {
    const text = visible(raw);
    return h(
      'div',
      { class: 'code-block' },
      h(
        'div',
        { class: 'code-header' },
        h('span', {}, title),
        copyButton(t('Copy {0}', title), () => this.#actions.copy(text)),
      ),
      h('pre', { tabindex: 0, role: 'group', 'aria-label': title, dir: 'ltr' }, text || t('(empty)')),
    );
  }

  #fact(name: string, raw: string): HTMLElement[] {
    const value = visible(raw);
    return [
      h('dt', {}, name),
      h(
        'dd',
        {},
        h('code', {}, value),
        copyButton(t('Copy {0}', name), () => this.#actions.copy(value)),
      ),
    ];
  }
}
