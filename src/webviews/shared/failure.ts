import type { ActionId, Failure } from '../../protocol/common.ts';
import { visible } from '../../protocol/visible.ts';
import { h } from './dom.ts';

/** A failure as a person reads it: the sentence, the next step, and the buttons that take it. */
export function describeFailure(failure: Failure, run: (id: ActionId) => void): HTMLElement[] {
  const buttons = failure.actions.map(action =>
    h('button', { type: 'button', class: 'secondary', onclick: () => run(action.id) }, visible(action.label)),
  );
  return [
    h('p', { class: 'sentence', dir: 'auto' }, visible(failure.sentence)),
    ...(failure.nextStep ? [h('p', { class: 'next-step', dir: 'auto' }, visible(failure.nextStep))] : []),
    ...(buttons.length > 0 ? [h('div', { class: 'actions' }, ...buttons)] : []),
  ];
}
