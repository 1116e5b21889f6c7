import type { InspectedToken, TokenCheck, TokenClaim, TokenDetails } from '../../protocol/inspector.ts';
import { visible } from '../../protocol/visible.ts';
import { type Child, h, say } from '../shared/dom.ts';
import { icon } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import { claimRow, wordsOf } from './claimRow.ts';
import type { Countdown } from '../shared/countdown.ts';
import { andMore, chip, verdict } from './marks.ts';
import { RawOutput } from './rawOutput.ts';

export interface ClaimsEvents {
  reveal(token: string): void;
  copy(token: string): void;
  /** A pasted token is to be forgotten. */
  forget(token: string): void;
}

/** Everything about one token: what it is, how it was checked, claims with what they mean, header, and raw output. */
export class Claims {
  readonly element: HTMLElement;
  /** None where the raw token was not kept. */
  readonly raw: RawOutput | undefined;
  readonly #rows: { element: HTMLElement; words: string }[];
  readonly #count = h('p', { class: 'faint' });

  constructor(token: InspectedToken, details: TokenDetails, countdown: Countdown, events: ClaimsEvents) {
    const label = visible(token.label);
    if (details.length !== undefined)
      this.raw = new RawOutput({
        key: token.id,
        length: details.length,
        reveal: () => events.reveal(token.id),
        copy: () => events.copy(token.id),
      });
    this.#rows = details.claims.map(claim => ({ element: claimRow(claim, countdown), words: wordsOf(claim) }));
    this.element = h(
      'section',
      { 'aria-label': t('{0} claims', label), class: 'claims', tabindex: -1, 'data-key': `claims ${token.id}` },
      h(
        'div',
        { class: 'claims-title' },
        h('h2', {}, label),
        ...chips(details, countdown),
        forgetButton(token, events),
      ),
      kindOf(details),
      checkList(label, details.checks),
      this.#count,
      claimTable(label, details.claims, this.#rows),
      andMore(details.moreClaims),
      header(token.id, details),
      this.raw?.element,
    );
  }

  /** Leaves only the claims in which these words (lower case) stand; returns how many. */
  filter(words: string): number {
    for (const row of this.#rows) row.element.hidden = !row.words.includes(words);
    const shown = this.#rows.filter(row => !row.element.hidden).length;
    say(this.#count, words === '' ? '' : t('{0} of {1} claims', shown, this.#rows.length));
    return shown;
  }

  tick(): void {
    this.raw?.tick();
  }
}

function chips({ version, expiresAt, fingerprint }: TokenDetails, countdown: Countdown): Child[] {
  const time = h('span', { class: 'chip time-left' });
  const what = t('Start of the SHA-256 of the raw token, as receipts name it');
  return [
    chip(version === undefined ? t('no version claim') : t('v{0} token', version)),
    expiresAt !== undefined && countdown.timeLeft(time, expiresAt, past => t('expired {0} ago', past)),
    fingerprint !== undefined &&
      h('span', { class: 'chip', title: what }, `${t('Fingerprint')} `, h('code', {}, visible(fingerprint))),
  ];
}

function forgetButton({ id, pasted }: InspectedToken, events: ClaimsEvents): Child {
  return (
    pasted &&
    h('button', { type: 'button', class: 'secondary', onclick: () => events.forget(id) }, icon('rejected'), t('Remove'))
  );
}

function kindOf({ kind }: TokenDetails): Child {
  if (!kind) return undefined;
  return h(
    'p',
    { class: 'kind' },
    h('strong', {}, visible(kind.label)),
    ' ',
    chip(kind.certain ? t('The token says so') : t('Inferred')),
    ' ',
    h('span', {}, visible(kind.because)),
  );
}

function checkList(label: string, checks: readonly TokenCheck[]): Child {
  if (checks.length === 0) return undefined;
  return h(
    'ul',
    { class: 'checks', 'aria-label': t('Checks of {0}', label) },
    ...checks.map(check =>
      h(
        'li',
        { 'data-outcome': check.outcome },
        verdict(check.outcome),
        h('strong', {}, visible(check.title)),
        h('span', { dir: 'auto' }, visible(check.sentence)),
      ),
    ),
  );
}

function claimTable(label: string, claims: readonly TokenClaim[], rows: { element: HTMLElement }[]): Child {
  if (claims.length === 0) return h('p', { class: 'faint' }, t('The token has no claims that can be read.'));
  const titles = [t('Claim'), t('Value'), t('Meaning')];
  return h(
    'table',
    { role: 'table', 'aria-label': t('Claims in {0}', label) },
    h(
      'thead',
      { role: 'rowgroup' },
      h('tr', { role: 'row' }, ...titles.map(title => h('th', { role: 'columnheader', scope: 'col' }, title))),
    ),
    h('tbody', { role: 'rowgroup' }, ...rows.map(({ element }) => element)),
  );
}

function header(id: string, { header: fields }: TokenDetails): Child {
  if (fields.length === 0) return undefined;
  return h(
    'details',
    { 'data-key': `header ${id}` },
    h('summary', { 'data-key': `header of ${id}` }, t('Header')),
    h(
      'dl',
      { class: 'facts' },
      ...fields.flatMap(field => [
        h('dt', {}, h('code', {}, visible(field.name))),
        h('dd', {}, h('code', {}, visible(field.value))),
      ]),
    ),
  );
}
