import type { Hop, InspectedToken } from '../../protocol/inspector.ts';
import { visible } from '../../protocol/visible.ts';
import { type Child, h } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';
import type { Countdown } from '../shared/countdown.ts';
import { mark } from '../shared/mark.ts';
import { chip } from './marks.ts';

interface ChainParts {
  tokens: readonly InspectedToken[];
  countdown: Countdown;
  /** Brings a token's claims before the person. */
  goTo: (token: string) => void;
}

/** How the tokens follow from each other: each with its issuer, who presented what for it, and its audience. */
export function tokenChain(hops: readonly Hop[], parts: ChainParts): HTMLElement {
  return h('ol', { class: 'chain', 'aria-labelledby': 'chain-title' }, ...branch(hops, undefined, parts));
}

/** A hop and what follows from it, in one line until it forks. */
function branch(hops: readonly Hop[], after: string | undefined, parts: ChainParts): HTMLElement[] {
  const next = hops.filter(hop => hop.after === after && hop.id !== after);
  if (next.length !== 1) {
    if (next.length === 0) return [];
    return [h('li', { class: 'fork' }, h('ul', {}, ...next.map(hop => h('li', {}, card(hop, parts)))))];
  }
  const hop = next[0]!;
  return [h('li', {}, card(hop, parts)), ...branch(hops, hop.id, parts)];
}

function card(hop: Hop, { tokens, countdown, goTo }: ChainParts): HTMLElement {
  const token = hop.token === undefined ? undefined : tokens.find(candidate => candidate.id === hop.token);
  const label = visible(hop.label);
  const show = () => token && goTo(token.id);
  const name = token?.details
    ? h('button', { type: 'button', class: 'link', 'data-key': `hop ${hop.id}`, onclick: show }, label)
    : label;
  return h(
    'div',
    { class: 'hop', 'data-unseen': hop.token === undefined },
    h('h3', {}, name),
    h('p', { class: 'chips' }, ...chips(hop, token, countdown)),
    h(
      'dl',
      { class: 'facts' },
      ...fact(t('Issued by'), hop.issuer),
      ...fact(t('Presented by'), hop.presenter),
      ...fact(t('Audience'), hop.audience),
    ),
    hop.note !== undefined && h('p', { class: 'faint' }, visible(hop.note)),
  );
}

function chips(hop: Hop, token: InspectedToken | undefined, countdown: Countdown): HTMLElement[] {
  if (hop.token === undefined) return [chip(mark('hide', t('Never seen here')))];
  if (token?.status.kind === 'error') return [mark('error', t('Failed'), 'bad')];
  if (!token?.details) return [mark('absent', t('Not here'), 'open')];
  const { kind, version, expiresAt } = token.details;
  const time = h('span', { class: 'chip time-left' });
  return [
    ...(kind ? [chip(visible(kind.label))] : []),
    ...(version ? [chip(t('v{0} token', version))] : []),
    ...(expiresAt === undefined ? [] : [countdown.timeLeft(time, expiresAt, past => t('expired {0} ago', past))]),
  ];
}

function fact(title: string, text: string): Child[] {
  return [h('dt', {}, title), h('dd', { dir: 'auto' }, visible(text))];
}
