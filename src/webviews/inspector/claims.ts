import type { InspectedToken, TokenClaim, TokenDetails } from '../../protocol/inspector.ts';
import { visible } from '../../protocol/visible.ts';
import { type Child, h } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';
import type { Countdown } from './countdown.ts';
import { RawOutput } from './rawOutput.ts';

export interface ClaimsEvents {
  reveal(token: string): void;
  copy(token: string): void;
}

/** Everything about one token: its shape, time left, claims with what they mean, header, and raw output. */
export class Claims {
  readonly element: HTMLElement;
  readonly raw: RawOutput;
  readonly #countdown: Countdown;
  readonly #time = h('span', { class: 'chip time-left' });
  readonly #expiresAt: number | undefined;

  constructor(token: InspectedToken, details: TokenDetails, countdown: Countdown, events: ClaimsEvents) {
    const label = visible(token.label);
    this.#countdown = countdown;
    this.#expiresAt = details.expiresAt;
    this.raw = new RawOutput({
      length: details.length,
      reveal: () => events.reveal(token.id),
      copy: () => events.copy(token.id),
    });
    this.element = h(
      'section',
      { 'aria-label': t('{0} claims', label), class: 'claims', tabindex: -1 },
      h(
        'div',
        { class: 'claims-title' },
        h('h2', {}, label),
        h('span', { class: 'chip' }, shape(details)),
        details.expiresAt !== undefined && this.#time,
        details.fingerprint !== undefined && fingerprint(details.fingerprint),
      ),
      claimTable(label, details.claims),
      header(details),
      this.raw.element,
    );
    this.tick();
  }

  tick(): void {
    if (this.#expiresAt !== undefined)
      this.#countdown.write(this.#time, this.#expiresAt, time => t('expired {0} ago', time));
    this.raw.tick();
  }
}

function shape({ version }: TokenDetails): string {
  return version === undefined ? t('no version claim') : t('v{0} token', version);
}

function fingerprint(text: string): Child {
  const what = t('Start of the SHA-256 of the raw token, as receipts name it');
  return h('span', { class: 'chip', title: what }, `${t('Fingerprint')} `, h('code', {}, visible(text)));
}

function claimTable(label: string, claims: readonly TokenClaim[]): HTMLElement {
  const titles = [t('Claim'), t('Value'), t('Meaning')];
  return h(
    'table',
    { role: 'table', 'aria-label': t('Claims in {0}', label) },
    h(
      'thead',
      { role: 'rowgroup' },
      h('tr', { role: 'row' }, ...titles.map(title => h('th', { role: 'columnheader', scope: 'col' }, title))),
    ),
    h(
      'tbody',
      { role: 'rowgroup' },
      ...claims.map(claim =>
        h(
          'tr',
          { role: 'row', 'data-claim': visible(claim.name), 'data-known': String(claim.known) },
          h('th', { role: 'rowheader', scope: 'row' }, h('code', {}, visible(claim.name))),
          h('td', { role: 'cell' }, h('code', { class: 'value', dir: 'ltr' }, visible(claim.value))),
          h(
            'td',
            { role: 'cell' },
            h('span', {}, visible(claim.explanation)),
            claim.note !== undefined && h('p', { class: 'note' }, visible(claim.note)),
          ),
        ),
      ),
    ),
  );
}

function header({ header: fields }: TokenDetails): Child {
  if (fields.length === 0) return undefined;
  return h(
    'details',
    {},
    h('summary', {}, t('Header')),
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
