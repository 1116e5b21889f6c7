import type { ActionId, Failure } from '../../protocol/common.ts';
import { copyLabel, whoCan } from '../../protocol/fixers.ts';
import { visible } from '../../protocol/visible.ts';
import { flashCopied } from './copyButton.ts';
import { h } from './dom.ts';
import { t } from './l10n.ts';

/** What the buttons of a failure ask for. */
export interface FailureEvents {
  run(id: ActionId): void;
  copy(text: string): void;
}

interface Where {
  first?: HTMLElement;
  place?: string;
  /** What failed, where its fix stands apart from it. */
  of?: string;
}

/**
 * A failure as a person reads it: the sentence, the next step, who can take it, the buttons (`first` before the others),
 * and the fix in full. `place` tells it from others on a page that is drawn anew.
 */
export function describeFailure(failure: Failure, on: FailureEvents, where: Where = {}): HTMLElement[] {
  const fix = fixInFull(failure, where);
  return [...describeBriefly(failure, on, where), ...(fix ? [fix] : [])];
}

/** The same without the fix in full, for a place that is too narrow to read it in. */
export function describeBriefly(failure: Failure, on: FailureEvents, { first, place }: Where): HTMLElement[] {
  const { sentence, nextStep, actions, fix } = failure;
  const who = whoCan(t, failure);
  const copy = copyLabel(t, failure);
  const key = (what: string) => place && `${what} of ${place}`;
  const buttons = actions.map((action): HTMLElement => {
    const props = { type: 'button', class: 'secondary', 'data-key': key(action.id) };
    return h('button', { ...props, onclick: () => on.run(action.id) }, visible(action.label));
  });
  if (first) buttons.unshift(first);
  if (copy && fix) buttons.push(copyFix(copy, key('copy'), () => on.copy(fix)));
  return [
    h('p', { class: 'sentence', dir: 'auto' }, visible(sentence)),
    ...(nextStep ? [h('p', { class: 'next-step', dir: 'auto' }, visible(nextStep))] : []),
    ...(who ? [h('p', { class: 'who' }, who)] : []),
    ...(buttons.length > 0 ? [h('div', { class: 'actions' }, ...buttons)] : []),
  ];
}

function copyFix(label: string, key: string | undefined, copy: () => void): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'secondary', 'data-key': key }, label);
  const flash = flashCopied(copied => void (button.textContent = copied ? t('Copied') : label));
  button.addEventListener('click', () => {
    copy();
    flash();
  });
  return button;
}

/** Exactly what the button copies, so that it can be read before it is sent. */
export function fixInFull({ fix }: Failure, { place, of }: Where = {}): HTMLElement | undefined {
  if (!fix) return undefined;
  const title = of ? t('The fix in full for {0}', visible(of)) : t('The fix in full');
  const key = place && `fix ${place}`;
  return h(
    'details',
    { class: 'fix', 'data-key': key },
    h('summary', { 'data-key': key && `fold of ${key}` }, title),
    h(
      'pre',
      { 'data-key': key && `text of ${key}`, tabindex: 0, role: 'group', 'aria-label': title, dir: 'ltr' },
      visible(fix),
    ),
  );
}
