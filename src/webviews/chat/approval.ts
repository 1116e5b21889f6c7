import { LIMITS } from '../../protocol/common.ts';
import type { Decision } from '../../protocol/chat.ts';
import { h } from '../shared/dom.ts';
import { t } from '../shared/l10n.ts';

/**
 * The three answers to a tool call. Rejecting opens a line for a reason, which the model is told; Enter in it rejects,
 * Escape goes back.
 */
export function approvalControls(decide: (decision: Decision, reason?: string) => void): HTMLElement {
  const reason = h('input', {
    type: 'text',
    maxlength: LIMITS.sentence,
    'aria-label': t('Reason for the agent (optional)'),
    placeholder: t('Reason (optional)'),
  });
  const choices = h(
    'div',
    { class: 'actions' },
    h('button', { type: 'button', class: 'primary', onclick: () => decide('once') }, t('Allow Once')),
    h('button', { type: 'button', class: 'secondary', onclick: () => decide('session') }, t('Allow in This Session')),
    h('button', { type: 'button', class: 'secondary', onclick: () => open(true) }, t('Reject…')),
  );
  const rejection = h(
    'div',
    { class: 'actions rejection', hidden: true },
    reason,
    h('button', { type: 'button', class: 'primary', onclick: () => reject() }, t('Reject')),
    h('button', { type: 'button', class: 'secondary', onclick: () => open(false) }, t('Back')),
  );
  const reject = () => decide('reject', reason.value.trim() || undefined);
  const open = (rejecting: boolean) => {
    choices.hidden = rejecting;
    rejection.hidden = !rejecting;
    (rejecting ? reason : choices.querySelector<HTMLElement>('button:last-child'))?.focus();
  };
  rejection.addEventListener('keydown', event => {
    if (event.isComposing) return;
    if (event.key === 'Escape') open(false);
    else if (event.key === 'Enter' && event.target === reason) reject();
    else return;
    event.preventDefault();
    event.stopPropagation(); // Escape stops the turn elsewhere
  });
  return h('div', { class: 'approval' }, choices, rejection);
}
