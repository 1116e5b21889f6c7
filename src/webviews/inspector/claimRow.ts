import type { ClaimPart, TokenClaim } from '../../protocol/inspector.ts';
import { visible } from '../../protocol/visible.ts';
import { type Child, h } from '../shared/dom.ts';
import { icon } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import type { Countdown } from '../shared/countdown.ts';

type Evidence = NonNullable<TokenClaim['evidence']>;

/** A claim: its name, its value in the form that can be read best, and its meaning with what that is founded on. */
export function claimRow(claim: TokenClaim, countdown: Countdown): HTMLElement {
  const name = visible(claim.name);
  return h(
    'tr',
    { role: 'row', 'data-claim': name, 'data-known': String(claim.known) },
    h('th', { role: 'rowheader', scope: 'row' }, h('code', {}, name)),
    h('td', { role: 'cell' }, ...valueOf(claim, countdown)),
    h(
      'td',
      { role: 'cell' },
      h('span', {}, visible(claim.explanation)),
      claim.note !== undefined && h('p', { class: 'note' }, visible(claim.note)),
      foundation(claim),
    ),
  );
}

function valueOf({ value, parts, time }: TokenClaim, countdown: Countdown): Child[] {
  if (time !== undefined && validTime(time)) return timeOf(time, value, countdown);
  if (parts) return [h('ul', { class: 'parts' }, ...parts.map(partOf))];
  return [h('code', { class: 'value', dir: 'ltr' }, visible(value))];
}

/** In local time, how far away that is, and in UTC with the number that the token has. */
function timeOf(time: number, value: string, countdown: Countdown): Child[] {
  const date = new Date(time);
  return [
    h('time', { datetime: date.toISOString() }, date.toLocaleString(document.documentElement.lang || undefined)),
    h('div', { class: 'faint' }, countdown.distance(h('span'), time)),
    h(
      'div',
      { class: 'faint' },
      `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC · `,
      h('code', {}, visible(value)),
    ),
  ];
}

/** The last time that a date can hold, in milliseconds (ECMA-262, "Time Values and Time Range"). */
const validTime = (time: number): boolean => Math.abs(time) <= 8.64e15;

function partOf({ text, meaning }: ClaimPart): HTMLElement {
  return h(
    'li',
    { 'data-meaning': meaning !== undefined },
    h('code', { dir: 'ltr' }, visible(text)),
    meaning !== undefined && h('span', {}, ` ${visible(meaning)}`),
  );
}

/** Whether the meaning is documented, and where: Microsoft does not document every claim that its tokens have. */
function foundation({ evidence, source }: TokenClaim): Child {
  if (!evidence && !source) return undefined;
  return h(
    'p',
    { class: 'foundation' },
    evidence && h('span', { class: 'chip', 'data-evidence': evidence }, ...evidenceWords(evidence)),
    source &&
      (source.href === undefined
        ? h('span', { class: 'faint' }, visible(source.title))
        : h('a', { href: source.href }, visible(source.title))),
  );
}

function evidenceWords(evidence: Evidence): Child[] {
  switch (evidence) {
    case 'documented':
      return [icon('check'), t('Documented')];
    case 'observed':
      return [icon('reveal'), t('Seen in real tokens, not documented')];
    case 'guessed':
      return [icon('unknown'), t('A guess')];
  }
}

/** What a search looks through. */
export function wordsOf({ name, value, parts, explanation, note }: TokenClaim): string {
  const listed = (parts ?? []).flatMap(({ text, meaning = '' }) => [text, meaning]);
  return [name, value, ...listed, explanation, note ?? ''].join('\n').toLowerCase();
}
