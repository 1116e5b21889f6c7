import type { InspectedToken } from '../../protocol/inspector.ts';
import { visible } from '../../protocol/visible.ts';
import { type Child, fill, h } from '../shared/dom.ts';
import { describeBriefly, fixInFull, type FailureEvents } from '../shared/failure.ts';
import { t } from '../shared/l10n.ts';
import type { Countdown } from '../shared/countdown.ts';
import { mark } from '../shared/mark.ts';
import { redraw } from '../shared/redraw.ts';

/** The summary: one row per token, each with its own status, so that a failed one stands beside good ones. */
export class Summary {
  readonly #body = h('tbody', { role: 'rowgroup' });
  readonly #fixes = h('div');
  readonly #table = h(
    'table',
    // The roles are spelled out because a narrow view shows the rows as blocks, and a table that is not
    // displayed as one loses its meaning for assistive technology.
    { role: 'table', 'aria-label': t('Tokens'), class: 'summary' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...columns().map(heading))),
    this.#body,
  );
  readonly element = h('div', {}, this.#table, this.#fixes);
  readonly #countdown: Countdown;
  readonly #show: (token: string) => void;
  readonly #on: FailureEvents;
  #tokens: readonly InspectedToken[] = [];
  #expiries: { expiresAt: number; expired: boolean }[] = [];

  constructor(countdown: Countdown, show: (token: string) => void, on: FailureEvents) {
    this.#countdown = countdown;
    this.#show = show;
    this.#on = on;
  }

  show(tokens: readonly InspectedToken[]): void {
    this.#tokens = tokens;
    this.#expiries = [];
    redraw(this.element, () => {
      fill(this.#body, ...tokens.map(token => this.#row(token)));
      fill(this.#fixes, ...tokens.map(fix)); // too long for a cell
    });
  }

  /** A token that ran out while we look changes more than its time. */
  tick(): void {
    if (this.#expiries.some(({ expired, expiresAt }) => expired !== this.#countdown.until(expiresAt) <= 0))
      this.show(this.#tokens);
  }

  #row(token: InspectedToken): HTMLElement {
    const label = visible(token.label);
    const name = token.details
      ? h(
          'button',
          { type: 'button', class: 'link', 'data-key': `row ${token.id}`, onclick: () => this.#show(token.id) },
          label,
        )
      : label;
    const [, aud, sub, appid, status] = columns();
    return h(
      'tr',
      { role: 'row', 'data-token': token.id, 'data-status': token.status.kind },
      h('th', { role: 'rowheader', scope: 'row' }, name),
      ...[value(aud, token.aud), value(sub, token.sub), value(appid, token.appid)],
      h('td', { role: 'cell', 'data-title': status }, h('div', {}, ...this.#status(token))),
    );
  }

  #status({ id, status, details }: InspectedToken): Child[] {
    switch (status.kind) {
      case 'loading':
        return [mark('running', t('Loading'), 'open')];
      case 'ok':
      case 'expired': {
        const { expiresAt } = details ?? {};
        // A token that was good when the host looked may run out while we look.
        const expired = status.kind === 'expired' || (expiresAt !== undefined && this.#countdown.until(expiresAt) <= 0);
        return [
          expired ? mark('clock', t('Expired'), 'bad') : mark('check', t('OK'), 'good'),
          this.#timeLeft(expiresAt),
        ];
      }
      case 'unverified':
        return [mark('warning', t('Not verified'), 'bad'), this.#timeLeft(details?.expiresAt)];
      case 'notConfigured':
        return [mark('absent', t('Not configured'), 'open'), h('p', { class: 'next-step' }, visible(status.reason))];
      case 'error':
        return [
          mark('error', t('Failed'), 'bad'),
          ...describeBriefly(status.failure, this.#on, { place: id }),
          status.heldUntil !== undefined && this.#stillHeld(status.heldUntil),
        ];
    }
  }

  #stillHeld(until: number): Child {
    const left = this.#countdown.timeLeft(h('span', { class: 'time-left' }), until, ago);
    return h('p', {}, t('The token from before stays in use:'), ' ', left);
  }

  #timeLeft(expiresAt: number | undefined): Child {
    if (expiresAt === undefined) return undefined;
    const element = h('span', { class: 'time-left' });
    this.#expiries.push({ expiresAt, expired: this.#countdown.until(expiresAt) <= 0 });
    return this.#countdown.timeLeft(element, expiresAt, ago);
  }
}

function fix({ id, label, status }: InspectedToken): Child {
  return status.kind === 'error' && fixInFull(status.failure, { place: id, of: label });
}

/** Beside the word Expired. */
const ago = (time: string) => t('{0} ago', time);

function columns() {
  return [
    t('Token'),
    t('Audience (aud)'),
    t('Subject (upn, else sub)'),
    t('App ID (appid, else azp)'),
    t('Status'),
  ] as const;
}

function heading(title: string): HTMLElement {
  return h('th', { role: 'columnheader', scope: 'col' }, title);
}

/** A cell knows its column's title, which a narrow view shows in front of it; there, a cell without a value is left out. */
function value(title: string, text: string | undefined): HTMLElement {
  const content =
    text === undefined ? h('span', { class: 'faint' }, t('none')) : h('code', { dir: 'ltr' }, visible(text));
  return h('td', { role: 'cell', 'data-title': title, 'data-absent': text === undefined }, content);
}
