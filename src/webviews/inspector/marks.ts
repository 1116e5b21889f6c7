import { h } from '../shared/dom.ts';
import type { IconName } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import { mark, type Tone } from '../shared/mark.ts';
import type { Difference, PolicyRule, PolicyStep, RouteVerdict, TokenCheck } from '../../protocol/inspector.ts';

type Change = Exclude<Difference['cells'][number]['change'], 'same' | undefined>;
type Verdict =
  | TokenCheck['outcome']
  | PolicyStep['outcome']
  | PolicyRule['outcome']
  | RouteVerdict['outcome']
  | RouteVerdict['tools'][number]['outcome']
  | Change;

/** The sign of each outcome, how it is coloured, and its word: the word and the sign say it all, the colour repeats it. */
const SIGNS: Record<Verdict, readonly [IconName, tone: Tone, word: string]> = {
  ok: ['check', 'good', t('OK')],
  warning: ['warning', 'careful', t('Warning')],
  bad: ['error', 'bad', t('Wrong')],
  unknown: ['unknown', 'open', t('Not certain')],
  passes: ['check', 'good', t('Passes')],
  fails: ['error', 'bad', t('Fails')],
  skipped: ['absent', 'open', t('Not reached')],
  holds: ['check', 'good', t('Holds')],
  admitted: ['check', 'good', t('Admitted')],
  refused: ['denied', 'bad', t('Refused')],
  allowed: ['check', 'good', t('Allowed')],
  hidden: ['hide', 'bad', t('Hidden')],
  changed: ['changed', 'careful', t('changed')],
  added: ['added', 'careful', t('added')],
  removed: ['absent', 'careful', t('removed')],
};

/** An outcome as a sign with its word. */
export function verdict(outcome: Verdict): HTMLElement {
  const [name, tone, word] = SIGNS[outcome];
  return mark(name, word, tone);
}

export function chip(...content: (Node | string)[]): HTMLElement {
  return h('span', { class: 'chip' }, ...content);
}

/** Says under a list that it was cut. */
export function andMore(count: number | undefined): HTMLElement | undefined {
  return count === undefined ? undefined : h('p', { class: 'faint' }, t('and {0} more', count));
}
